//! `payload` that writes: a register to the packet, checksums included.

use crate::evaluate::nft::machine::{Machine, Step, Taken};
use crate::evaluate::{Context, Fact, checksum};
use crate::sys::nft::expr::{CsumFlags, CsumKind, PayloadBase, PayloadSet};

use super::payload::{inner_offset, transport};

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const UDPLITE: u8 = 136;

/// `nft_payload_set_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &PayloadSet) -> Step {
    let len = e.len as usize;
    let new = match m.take(cx, e.sreg, len) {
        Taken::Bytes(b) => Some(b.to_vec()),
        Taken::Unknown(_) => None,
        Taken::Nothing => return Step::Break,
    };
    let base = match e.base {
        PayloadBase::Network => Fact::Is(0),
        PayloadBase::Transport => transport(m),
        PayloadBase::Inner => inner_offset(cx, m),
        PayloadBase::Link => return link(cx, e.offset as usize, len, new.as_deref()),
        _ => Fact::unknown("an unknown part of the packet"),
    };
    let base = match base {
        Fact::Is(base) => base,
        Fact::Absent => return Step::Break,
        Fact::Unknown(what) => {
            let written = cx.ask(what, b"nft payload set", true);
            if written {
                let whole = 0..cx.packet.length;
                cx.packet.blurred.push(whole);
            }
            return Step::when(written);
        }
    };
    let at = base + e.offset as usize;
    if at + len > cx.packet.length {
        return Step::Break;
    }
    let old = cx.packet.read(at, len).known().map(<[u8]>::to_vec);
    let sums = Sums {
        header: (e.csum == CsumKind::Inet).then_some(base + e.csum_offset as usize),
        transport: e.csum_flags.contains(CsumFlags::PSEUDOHDR).then(|| transport_sum(cx, m)).flatten(),
    };
    if sums.are_beyond(cx.packet.length) {
        return Step::Break;
    }
    match (&new, &old) {
        (Some(new), Some(old)) => sums.replace(cx, old, new),
        _ => sums.blur(cx),
    }
    match &new {
        Some(new) => {
            cx.packet.write(at, new);
        }
        None => cx.packet.blurred.push(at..at + len),
    }
    if e.csum == CsumKind::Sctp
        && let Fact::Is(t) = &m.info.transport
        && (t.protocol, t.fragment) == (SCTP, 0)
    {
        sctp_sum(cx, t.offset);
    }
    Step::Go
}

/// Where the checksums are that a write keeps right.
struct Sums {
    header: Option<usize>,
    transport: Option<usize>,
}

impl Sums {
    /// Is a checksum that should be kept right behind the end of the packet?
    fn are_beyond(&self, length: usize) -> bool {
        [self.header, self.transport].into_iter().flatten().any(|at| at + 2 > length)
    }

    fn replace(&self, cx: &mut Context<'_>, old: &[u8], new: &[u8]) {
        for at in [self.header, self.transport].into_iter().flatten() {
            if let Fact::Is(sum) = cx.packet.array(at) {
                // `nft_csum_replace`: a sum of 0 is written as the other 0.
                let sum = match checksum::replaced(u16::from_be_bytes(sum), old, new) {
                    0 => 0xffff,
                    sum => sum,
                };
                cx.packet.write(at, &sum.to_be_bytes());
            }
        }
    }

    fn blur(&self, cx: &mut Context<'_>) {
        cx.packet.blurred.extend([self.header, self.transport].into_iter().flatten().map(|at| at..at + 2));
    }
}

/// `nft_payload_l4csum_offset`
fn transport_sum(cx: &Context<'_>, m: &Machine<'_>) -> Option<usize> {
    let t = m.info.transport.value().filter(|t| t.fragment == 0)?;
    let at = match t.protocol {
        TCP => 16,
        // `nft_payload_udp_checksum`: no header, or no checksum in it.
        UDP if matches!(cx.packet.array(t.offset), Fact::Absent | Fact::Is([_, _, _, _, _, _, 0, 0])) => return None,
        UDP | UDPLITE => 6,
        ICMPV6 => 2,
        _ => return None,
    };
    Some(t.offset + at)
}

/// `sctp_compute_cksum`: CRC-32c over the packet with the checksum as 0.
fn sctp_sum(cx: &mut Context<'_>, at: usize) {
    let length = cx.packet.length.saturating_sub(at);
    let crc = cx.packet.read(at, length).known().map(|bytes| {
        let byte = |(i, b): (usize, &u8)| if (8..12).contains(&i) { 0 } else { *b };
        !bytes.iter().enumerate().map(byte).fold(u32::MAX, |crc, b| {
            (0..8).fold(crc ^ u32::from(b), |c, _| if c & 1 == 1 { (c >> 1) ^ 0x82f6_3b78 } else { c >> 1 })
        })
    });
    match crc {
        Some(crc) => {
            cx.packet.write(at + 8, &crc.to_le_bytes());
        }
        None => cx.packet.blurred.push(at + 8..at + 12),
    }
}

/// The link header. What the device took out of it (`skb->vlan_tci`) can be set too (`nft_payload_set_vlan`).
fn link(cx: &mut Context<'_>, offset: usize, len: usize, new: Option<&[u8]>) -> Step {
    let mut offset = offset;
    if offset + len > 12 {
        match (&mut cx.packet.vlan, new) {
            (Fact::Absent, _) => {}
            (Fact::Is((protocol, tci)), Some(new)) => match (offset, new) {
                (16.., _) => offset -= 4,
                (12, [a, b]) => {
                    *protocol = u16::from_be_bytes([*a, *b]);
                    return Step::Go;
                }
                (12, [a, b, c, d]) => {
                    (*protocol, *tci) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                    return Step::Go;
                }
                (14, [a, b]) => {
                    *tci = u16::from_be_bytes([*a, *b]);
                    return Step::Go;
                }
                _ => return Step::Break,
            },
            (vlan, _) => {
                *vlan = Fact::unknown("VLAN tag that a rule set");
                return Step::Go;
            }
        }
    }
    match &mut cx.packet.link {
        Fact::Is(header) => match (header.get_mut(offset..offset + len), new) {
            (Some(to), Some(new)) => {
                to.copy_from_slice(new);
                Step::Go
            }
            (Some(_), None) => {
                cx.packet.link = Fact::unknown("link layer header that a rule set");
                Step::Go
            }
            // Beyond the link header the packet itself is meant; nft does not write there.
            (None, _) => Step::when(cx.ask("a write beyond the link layer header", b"", true)),
        },
        Fact::Absent => Step::Break,
        Fact::Unknown(_) => Step::Go,
    }
}
