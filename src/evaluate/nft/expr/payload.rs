//! `payload`: bytes of the packet.

use smallvec::SmallVec;

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::{Context, Fact, Hook};
use crate::sys::nft::expr::{Payload, PayloadBase};
use crate::sys::nft::{Family, Reg};

/// `ETH_HLEN`
const ETHERNET: usize = 14;
/// `VLAN_ETH_HLEN`
const ETHERNET_WITH_TAG: usize = 18;
/// `ARPHRD_ETHER` (include/uapi/linux/if_arp.h).
const ARPHRD_ETHER: u16 = 1;
/// Where the Ethertype is.
const ETHERTYPE: usize = 12;

const UDP: u8 = 17;
const TCP: u8 = 6;
const GRE: u8 = 47;
const IPIP: u8 = 4;

/// Bytes on their way to a register.
type Bytes = SmallVec<[u8; 32]>;

/// `nft_payload_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Payload) -> Step {
    let (len, offset) = (e.len as usize, e.offset as usize);
    let base = match e.base {
        PayloadBase::Network => Fact::Is(0),
        PayloadBase::Transport => match &m.info.transport {
            Fact::Is(t) if t.fragment != 0 && is_fast(e) => later_fragment(cx, t.offset),
            _ => transport(m),
        },
        PayloadBase::Inner => inner_offset(cx, m),
        PayloadBase::Link => {
            let loaded = link(cx, m.info.family, offset, len);
            return store(m, e.dreg, len, loaded);
        }
        _ => return unheard_of(cx, m, e.dreg, len, format!("payload base {}", e.base)),
    };
    load(cx, m, e.dreg, base, offset, len)
}

/// Does the kernel load this without much looking (`nft_payload_fast_ops`)?
fn is_fast(e: &Payload) -> bool {
    e.len <= 4 && e.len.is_power_of_two() && e.offset.is_multiple_of(e.len)
}

/// A later fragment has no ports, but `nft_payload_fast_eval` does not know that. It reads where they would be, as long as
/// that part of the packet lies in one piece; which later kernels may correct.
fn later_fragment(cx: &mut Context<'_>, at: usize) -> Fact<usize> {
    // There the packet begins with its link header, which an offset that was not found (`ipv6_find_hdr`) leads to.
    if cx.hook == Hook::Egress {
        return Fact::unknown("what the kernel takes for ports of a later fragment at egress");
    }
    cx.ask("how the kernel reads ports in a later fragment", b"nft later fragment", true).then_some(at).into()
}

/// Loads from a header into a register; a header that is not there ends the rule.
pub fn load(cx: &Context<'_>, m: &mut Machine<'_>, dreg: Reg, base: Fact<usize>, offset: usize, len: usize) -> Step {
    match base {
        Fact::Is(base) => match cx.packet.read(base + offset, len) {
            Fact::Is(bytes) => {
                m.regs.write(dreg, bytes);
                Step::Go
            }
            Fact::Absent => Step::Break,
            Fact::Unknown(what) => {
                // Bytes are told apart by where they are.
                m.regs.write_unknown(dreg, len, Unknown::fact(what).changed((base + offset, len)));
                Step::Go
            }
        },
        Fact::Absent => Step::Break,
        Fact::Unknown(what) => {
            m.regs.write_unknown(dreg, len, Unknown::fact(what).changed((offset, len)).perhaps_absent());
            Step::Go
        }
    }
}

fn store(m: &mut Machine<'_>, dreg: Reg, len: usize, loaded: Fact<Bytes>) -> Step {
    match loaded {
        Fact::Is(bytes) => m.regs.write(dreg, &bytes),
        Fact::Absent => return Step::Break,
        Fact::Unknown(what) => m.regs.write_unknown(dreg, len, Unknown::fact(what).changed(len).perhaps_absent()),
    }
    Step::Go
}

/// Something that this version has no rules for: loads nobody knows what, if it loads.
pub fn unheard_of(_: &Context<'_>, m: &mut Machine<'_>, dreg: Reg, len: usize, what: String) -> Step {
    m.regs.write_unknown(dreg, len, Unknown::fact(what).perhaps_absent());
    Step::Go
}

/// Where the transport header is; absent in later fragments.
pub fn transport(m: &Machine<'_>) -> Fact<usize> {
    match &m.info.transport {
        Fact::Is(t) if t.fragment == 0 => Fact::Is(t.offset),
        Fact::Is(_) | Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => Fact::Unknown(w.clone()),
    }
}

/// From the link header on, with the VLAN tag put back that the device took out.
fn link(cx: &Context<'_>, family: Family, offset: usize, len: usize) -> Fact<Bytes> {
    let header = match &cx.packet.link {
        Fact::Is(h) if h.is_empty() => return Fact::Absent,
        Fact::Is(h) => h.as_slice(),
        Fact::Absent => return Fact::Absent,
        // The addresses are not known; what follows says of what protocol the packet is.
        Fact::Unknown(_) if offset >= ETHERTYPE && cx.packet.vlan == Fact::Absent && is_ethernet(cx, family) => {
            let header = [[0; ETHERTYPE].as_slice(), &cx.packet.network.ethertype().to_be_bytes()].concat();
            return behind(cx, &header, offset, len);
        }
        Fact::Unknown(w) => return Fact::Unknown(format!("{w}, byte {offset}").into()),
    };
    // `nft_payload_need_vlan_adjust`
    if offset + len <= ETHERTYPE {
        return behind(cx, header, offset, len);
    }
    let (tci, protocol) = match &cx.packet.vlan {
        Fact::Absent => return behind(cx, header, offset, len),
        Fact::Is(tag) => *tag,
        Fact::Unknown(w) => return Fact::Unknown(w.clone()),
    };
    if offset >= ETHERNET_WITH_TAG {
        return behind(cx, header, offset - 4, len);
    }
    let Some(addresses) = header.get(..ETHERTYPE) else { return Fact::Absent };
    let mut tagged = Bytes::from_slice(addresses);
    for word in [protocol, tci, cx.packet.network.ethertype()] {
        tagged.extend_from_slice(&word.to_be_bytes());
    }
    let mut out: Bytes = tagged.iter().skip(offset).take(len).copied().collect();
    let rest = len - out.len();
    if rest > 0 {
        match behind(cx, header, ETHERNET, rest) {
            Fact::Is(more) => out.extend_from_slice(&more),
            other => return other,
        }
    }
    Fact::Is(out)
}

/// Has its link header the form of Ethernet's? On a bridge all have.
fn is_ethernet(cx: &Context<'_>, family: Family) -> bool {
    let device = || super::meta::link(cx, super::meta::input(cx));
    family == Family::Bridge || matches!(device(), Fact::Is(l) if l.hardware == ARPHRD_ETHER)
}

/// Bytes of the link header, and of the packet behind it.
fn behind(cx: &Context<'_>, header: &[u8], offset: usize, len: usize) -> Fact<Bytes> {
    let mut out: Bytes = header.iter().skip(offset).take(len).copied().collect();
    let rest = len - out.len();
    if rest > 0 {
        match cx.packet.read(offset.saturating_sub(header.len()), rest) {
            Fact::Is(more) => out.extend_from_slice(more),
            Fact::Absent => return Fact::Absent,
            Fact::Unknown(w) => return Fact::Unknown(w),
        }
    }
    Fact::Is(out)
}

/// Where the payload of the transport protocol begins (`nft_payload_inner_offset`).
pub fn inner_offset(cx: &Context<'_>, m: &Machine<'_>) -> Fact<usize> {
    let t = match &m.info.transport {
        Fact::Is(t) if t.fragment == 0 => *t,
        Fact::Is(_) | Fact::Absent => return Fact::Absent,
        Fact::Unknown(w) => return Fact::Unknown(w.clone()),
    };
    let first = |at| cx.packet.array::<1>(at);
    match t.protocol {
        UDP => Fact::Is(t.offset + 8),
        TCP => match cx.packet.read(t.offset, 20) {
            Fact::Is(_) | Fact::Unknown(_) => first(t.offset + 12).map(|[b]| t.offset + usize::from(b >> 4) * 4),
            Fact::Absent => Fact::Absent,
        },
        GRE => match cx.packet.array::<4>(t.offset) {
            Fact::Is([flags, version, ..]) => {
                // GRE_VERSION 0 only, and no routing
                if version & 7 != 0 || flags & 0x40 != 0 {
                    return Fact::Absent;
                }
                let parts = [0x80, 0x20, 0x10].iter().filter(|&&bit| flags & bit != 0).count();
                Fact::Is(t.offset + 4 + 4 * parts)
            }
            Fact::Absent => Fact::Absent,
            Fact::Unknown(w) => Fact::Unknown(w),
        },
        IPIP => Fact::Is(t.offset),
        _ => Fact::Absent,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::Packet;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Family;

    fn load(packet: Packet, base: PayloadBase, offset: u32, len: u32) -> (Step, Option<Vec<u8>>) {
        plain(packet, |cx, m| {
            let step = eval(cx, m, &Payload { base, offset, len, dreg: Reg::R1 });
            (step, m.regs.read(Reg::R1, (len as usize).next_multiple_of(4)).map(<[u8]>::to_vec))
        })
    }

    #[test]
    fn bytes_come_from_their_header_with_the_last_word_filled_up() {
        let p = || ip4(17, &testing::udp(0x1234, 53, b"data"));
        assert_eq!(load(p(), PayloadBase::Network, 12, 4), (Step::Go, Some(vec![10, 0, 0, 1])));
        assert_eq!(load(p(), PayloadBase::Transport, 2, 2), (Step::Go, Some(vec![0, 53, 0, 0])));
        assert_eq!(load(p(), PayloadBase::Inner, 0, 3), (Step::Go, Some(b"dat\0".to_vec())));
        let p6 = ip6(6, &testing::tcp(1, 2, 2, &[]));
        assert_eq!(load(p6, PayloadBase::Transport, 13, 1), (Step::Go, Some(vec![2, 0, 0, 0])));
    }

    #[test]
    fn what_is_behind_the_packet_ends_the_rule_and_what_was_not_captured_is_unknown() {
        let mut p = ip4(17, &testing::udp(1, 2, b""));
        assert_eq!(load(p.clone(), PayloadBase::Transport, 8, 1).0, Step::Break);
        p.bytes.truncate(22);
        assert_eq!(load(p.clone(), PayloadBase::Transport, 0, 2), (Step::Go, Some(vec![0, 1, 0, 0])));
        assert_eq!(load(p, PayloadBase::Transport, 2, 2), (Step::Go, None));
        assert_eq!(load(ip4(89, &[]), PayloadBase::Inner, 0, 1).0, Step::Break, "no inner header");
    }

    #[test]
    fn a_later_fragment_has_ports_only_for_short_reads() {
        let mut p = ip4(17, &testing::udp(1, 2, b"data"));
        p.bytes[7] = 1;
        assert_eq!(load(p.clone(), PayloadBase::Transport, 1, 2).0, Step::Break, "not aligned");
        let table = table(Family::Inet);
        let both = every(&p, &Host::default(), &table, |cx, m| {
            eval(cx, m, &Payload { base: PayloadBase::Transport, offset: 2, len: 2, dreg: Reg::R1 })
        });
        assert_eq!(both.iter().map(|b| &b.0).collect::<Vec<_>>(), [&Step::Go, &Step::Break]);
    }

    #[test]
    fn a_vlan_tag_that_the_device_took_out_is_put_back() {
        let mut p = ip4(17, &testing::udp(1, 2, b""));
        p.link = Fact::Is(vec![1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 8, 0]);
        assert_eq!(load(p.clone(), PayloadBase::Link, 12, 2).1, Some(vec![8, 0, 0, 0]));
        assert_eq!(load(p.clone(), PayloadBase::Link, 12, 4).1, Some(vec![8, 0, 0x45, 0]));
        p.vlan = Fact::Is((7, 0x8100));
        assert_eq!(load(p.clone(), PayloadBase::Link, 6, 6).1, Some(vec![2, 2, 2, 2, 2, 2, 0, 0]));
        assert_eq!(load(p.clone(), PayloadBase::Link, 12, 8).1, Some(vec![0x81, 0, 0, 7, 8, 0, 0x45, 0]));
        assert_eq!(load(p.clone(), PayloadBase::Link, 18, 2).1, Some(vec![0x45, 0, 0, 0]));
        p.link = Fact::Absent;
        assert_eq!(load(p, PayloadBase::Link, 0, 6).0, Step::Break);
    }

    #[test]
    fn the_payload_of_gre_and_tcp_is_behind_their_options() {
        let p = ip4(47, &[0xb0, 0, 8, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 9]);
        assert_eq!(load(p, PayloadBase::Inner, 0, 1).1, Some(vec![9, 0, 0, 0]));
        let mut t = testing::tcp(1, 2, 16, &[1, 1, 1, 1]);
        t.push(7);
        assert_eq!(load(ip4(6, &t), PayloadBase::Inner, 0, 1).1, Some(vec![7, 0, 0, 0]));
        assert_eq!(load(ip4(47, &[0, 1, 0, 0]), PayloadBase::Inner, 0, 1).0, Step::Break, "version 1");
    }
}
