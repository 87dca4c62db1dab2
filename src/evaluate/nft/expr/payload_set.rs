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
    let header = (e.csum == CsumKind::Inet).then_some(base + e.csum_offset as usize);
    let transport = e.csum_flags.contains(CsumFlags::PSEUDOHDR).then(|| transport_sum(cx, m)).flatten();
    // A checksum behind the end of the packet ends the rule, the one before it is changed by then.
    for sum in [header, transport].into_iter().flatten() {
        if sum + 2 > cx.packet.length {
            return Step::Break;
        }
        match (&new, &old) {
            (Some(new), Some(old)) => replace(cx, sum, old, new),
            _ => cx.packet.blurred.push(sum..sum + 2),
        }
    }
    if let (Some(_), Some(new), Some(old)) = (transport, &new, &old) {
        cx.packet.summed.follow(old, new);
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

/// `nft_csum_replace`: a sum of 0 is written as the other 0.
fn replace(cx: &mut Context<'_>, at: usize, old: &[u8], new: &[u8]) {
    if let Fact::Is(sum) = cx.packet.array(at) {
        let sum = match checksum::replaced(u16::from_be_bytes(sum), old, new) {
            0 => 0xffff,
            sum => sum,
        };
        cx.packet.write(at, &sum.to_be_bytes());
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

fn sctp_sum(cx: &mut Context<'_>, at: usize) {
    match checksum::sctp(&cx.packet, at, cx.packet.length.saturating_sub(at)).known() {
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
            (Fact::Is((tci, protocol)), Some(new)) => match (offset, new) {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::Packet;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Reg;

    fn set(
        packet: Packet,
        base: PayloadBase,
        offset: u32,
        new: &[u8],
        csum: (CsumKind, u32, CsumFlags),
    ) -> (Step, Packet) {
        plain(packet, |cx, m| {
            m.regs.write(Reg::R1, new);
            let (csum, csum_offset, csum_flags) = csum;
            let e = PayloadSet { base, offset, len: new.len() as u32, sreg: Reg::R1, csum, csum_offset, csum_flags };
            (eval(cx, m, &e), cx.packet.clone())
        })
    }

    /// UDP with a right checksum.
    fn packet() -> Packet {
        let mut p = ip4(17, &testing::udp(1, 2, b"data"));
        let pseudo = [&p.bytes[12..20], &[0, 17, 0, 12], &p.bytes[20..]].concat();
        let sum = checksum::of(&pseudo);
        p.write(26, &sum.to_be_bytes());
        p
    }

    #[test]
    fn both_checksums_follow_an_address() {
        let csum = (CsumKind::Inet, 10, CsumFlags::PSEUDOHDR);
        let (step, p) = set(packet(), PayloadBase::Network, 12, &[192, 168, 1, 9], csum);
        assert_eq!(step, Step::Go);
        assert_eq!(p.bytes[12..16], [192, 168, 1, 9]);
        assert_eq!(checksum::of(&p.bytes[..20]), 0);
        assert_eq!(checksum::transport_is_right(&p, UDP, 20), Fact::Is(true));
    }

    #[test]
    fn a_port_changes_the_transport_checksum_only() {
        let csum = (CsumKind::Inet, 6, CsumFlags::empty());
        let (_, p) = set(packet(), PayloadBase::Transport, 2, &[0, 80], csum);
        assert_eq!(p.ports(), Some((1, 80)));
        assert_eq!(checksum::transport_is_right(&p, UDP, 20), Fact::Is(true));
        let mut p = packet();
        p.bytes.truncate(24);
        p.length = 24;
        let (step, p) = set(p, PayloadBase::Transport, 2, &[0, 80], csum);
        assert_eq!((step, p.ports()), (Step::Break, Some((1, 2))), "the checksum is behind the end");
    }

    #[test]
    fn an_unknown_value_blurs_what_it_is_written_to() {
        let p = plain(packet(), |cx, m| {
            m.regs.write_unknown(Reg::R1, 2, crate::evaluate::nft::Unknown::fact("x"));
            let e = PayloadSet {
                base: PayloadBase::Transport,
                offset: 2,
                len: 2,
                sreg: Reg::R1,
                csum: CsumKind::Inet,
                csum_offset: 6,
                csum_flags: CsumFlags::empty(),
            };
            assert_eq!(eval(cx, m, &e), Step::Go);
            cx.packet.clone()
        });
        assert!(p.read(22, 2).is_unknown() && p.read(26, 2).is_unknown());
        assert_eq!(p.read(20, 2), Fact::Is(&[0, 1][..]));
    }

    #[test]
    fn sctp_gets_a_new_sum() {
        let mut sctp = vec![0, 1, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 11, 0, 0, 4];
        let csum = (CsumKind::Sctp, 8, CsumFlags::empty());
        let (_, p) = set(ip4(SCTP, &sctp), PayloadBase::Transport, 2, &[0, 9], csum);
        sctp[3] = 9;
        // CRC-32c of the text that its definition gives
        let crc = |bytes: &[u8]| {
            !bytes.iter().fold(u32::MAX, |c, b| {
                (0..8).fold(c ^ u32::from(*b), |c, _| (c >> 1) ^ if c & 1 == 1 { 0x82f6_3b78 } else { 0 })
            })
        };
        assert_eq!(crc(b"123456789"), 0xe306_9283);
        assert_eq!(p.bytes[28..32], crc(&sctp).to_le_bytes());
    }
}
