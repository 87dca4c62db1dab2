//! `inner`: runs an expression on the packet inside a tunnel packet.

use crate::evaluate::ip6::{self, Missing, Wanted};
use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::{Context, Fact, Network, Packet};
use crate::sys::nft::expr::{Expr, Inner, InnerFlags, InnerKind, MetaKey, PayloadBase};

use super::payload::{inner_offset, load};

const UDP: u8 = 17;
const GRE: u8 = 47;
const ETH_IP: u16 = 0x0800;
const ETH_IP6: u16 = 0x86dd;
const ETH_VLAN: u16 = 0x8100;

/// Where the headers inside are (`struct nft_inner_tun_ctx`), from the outer network header.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Inside {
    tunnel: Option<usize>,
    link: Option<usize>,
    network: Option<usize>,
    transport: Option<usize>,
    /// The Ethertype.
    protocol: u16,
    /// The transport protocol, if there is a transport header.
    transport_protocol: u8,
}

/// `nft_inner_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Inner) -> Step {
    let inside = match parse(cx, m, e) {
        Fact::Is(inside) => inside,
        Fact::Absent => return Step::Break,
        Fact::Unknown(what) => {
            let (reg, len) = match &*e.expr {
                Expr::Payload(p) => (p.dreg, p.len as usize),
                Expr::Meta(meta) => (meta.dreg, 4),
                other => return super::eval(cx, m, other),
            };
            m.regs.write_unknown(reg, len, Unknown::fact(what).changed(format!("{e:?}")).perhaps_absent());
            return Step::Go;
        }
    };
    match &*e.expr {
        Expr::Payload(p) => {
            let base = match p.base {
                PayloadBase::Tunnel => inside.tunnel,
                PayloadBase::Link => inside.link,
                PayloadBase::Network => inside.network,
                PayloadBase::Transport => inside.transport,
                _ => None,
            };
            load(cx, m, p.dreg, base.into(), p.offset as usize, p.len as usize)
        }
        Expr::Meta(meta) => match meta.key {
            MetaKey::Protocol => {
                m.regs.write(meta.dreg, &inside.protocol.to_be_bytes());
                Step::Go
            }
            MetaKey::L4proto if inside.transport.is_some() => {
                m.regs.write_u8(meta.dreg, inside.transport_protocol);
                Step::Go
            }
            _ => Step::Break,
        },
        other => super::unknown::named(cx, m, &format!("inner {other:?}")),
    }
}

/// `nft_inner_parse`
fn parse(cx: &Context<'_>, m: &Machine<'_>, e: &Inner) -> Fact<Inside> {
    let start = match inner_offset(cx, m) {
        Fact::Is(at) => at,
        Fact::Absent => return Fact::Absent,
        Fact::Unknown(w) => return Fact::Unknown(w),
    };
    let Fact::Is(outer) = m.info.transport else { return Fact::Absent };
    let mut inside = Inside::default();
    let mut at = start;
    if e.flags.contains(InnerFlags::HDRSIZE) {
        match outer.protocol {
            GRE => inside.tunnel = Some(outer.offset),
            UDP => {
                inside.tunnel = Some(at);
                at += e.hdrsize as usize;
                if e.kind == InnerKind::Geneve {
                    match cx.packet.array::<8>(start) {
                        Fact::Is(h) => at += usize::from(h[0] & 0x3f) * 4,
                        Fact::Absent => return Fact::Absent,
                        Fact::Unknown(w) => return Fact::Unknown(w),
                    }
                }
            }
            _ => return Fact::Absent,
        }
    }
    if e.flags.intersects(InnerFlags::LL | InnerFlags::NH) {
        return layers(cx, e, inside, at);
    }
    if e.flags.contains(InnerFlags::TH) {
        inside.transport = Some(at);
    }
    Fact::Is(inside)
}

/// `nft_inner_parse_l2l3`
fn layers(cx: &Context<'_>, e: &Inner, mut inside: Inside, mut at: usize) -> Fact<Inside> {
    macro_rules! read {
        ($n:literal, $at:expr) => {
            match cx.packet.array::<$n>($at) {
                Fact::Is(b) => b,
                Fact::Absent => return Fact::Absent,
                Fact::Unknown(w) => return Fact::Unknown(w),
            }
        };
    }
    let network;
    if e.flags.contains(InnerFlags::LL) {
        let h = read!(14, at);
        inside.link = Some(at);
        inside.protocol = u16::from_be_bytes([h[12], h[13]]);
        network = match inside.protocol {
            ETH_IP | ETH_IP6 => {
                at += 14;
                inside.protocol
            }
            ETH_VLAN => {
                let h = read!(18, at);
                at += 18;
                u16::from_be_bytes([h[16], h[17]])
            }
            _ => return Fact::Absent,
        };
    } else {
        network = match read!(4, at)[0] >> 4 {
            4 => ETH_IP,
            6 => ETH_IP6,
            _ => return Fact::Absent,
        };
        inside.protocol = network;
    }
    match network {
        ETH_IP => {
            let h = read!(20, at);
            if h[0] >> 4 != 4 || h[0] & 15 < 5 {
                return Fact::Absent;
            }
            inside.network = Some(at);
            if u16::from_be_bytes([h[6], h[7]]) & 0x1fff == 0 {
                inside.transport = Some(at + usize::from(h[0] & 15) * 4);
                inside.transport_protocol = h[9];
            }
        }
        ETH_IP6 => {
            if read!(40, at)[0] >> 4 != 6 {
                return Fact::Absent;
            }
            inside.network = Some(at);
            let mut part = Packet::new(Network::Ip6, cx.packet.bytes.get(at..).unwrap_or(&[]).to_vec());
            part.length = cx.packet.length.saturating_sub(at);
            match ip6::find(&part, Wanted::TransportOrAuth) {
                Ok(f) if f.fragment == 0 => {
                    inside.transport = Some(at + f.offset);
                    inside.transport_protocol = f.protocol;
                }
                Ok(_) => {}
                Err(Missing::Absent | Missing::Broken) => return Fact::Absent,
                Err(Missing::Cut) => return Fact::unknown("headers beyond the captured part"),
            }
        }
        _ => return Fact::Absent,
    }
    Fact::Is(inside)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Reg;
    use crate::sys::nft::expr::{Meta, Payload};

    fn load(packet: Packet, kind: InnerKind, flags: InnerFlags, hdrsize: u32, expr: Expr) -> (Step, Option<Vec<u8>>) {
        plain(packet, |cx, m| {
            let step = eval(cx, m, &Inner { kind, flags, hdrsize, expr: Box::new(expr) });
            (step, m.regs.read(Reg::R1, 4).map(<[u8]>::to_vec))
        })
    }

    fn payload(base: PayloadBase, offset: u32, len: u32) -> Expr {
        Expr::Payload(Payload { base, offset, len, dreg: Reg::R1 })
    }

    #[test]
    fn vxlan_carries_a_frame() {
        let inside = ip4(6, &testing::tcp(7, 80, 2, &[]));
        let mut v = vec![8, 0, 0, 0, 0, 0, 5, 0];
        v.extend([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 8, 0]);
        v.extend(inside.bytes.iter());
        let p = || ip4(17, &testing::udp(1, 4789, &v));
        let flags = InnerFlags::HDRSIZE | InnerFlags::LL | InnerFlags::NH;
        let at = |e| load(p(), InnerKind::Vxlan, flags, 8, e);
        assert_eq!(at(payload(PayloadBase::Tunnel, 4, 3)).1, Some(vec![0, 0, 5, 0]));
        assert_eq!(at(payload(PayloadBase::Network, 16, 4)).1, Some(vec![10, 0, 0, 2]));
        assert_eq!(at(payload(PayloadBase::Transport, 2, 2)).1, Some(vec![0, 80, 0, 0]));
        assert_eq!(at(payload(PayloadBase::Link, 12, 2)).1, Some(vec![8, 0, 0, 0]));
        assert_eq!(at(Expr::Meta(Meta { key: MetaKey::L4proto, dreg: Reg::R1 })).1, Some(vec![6, 0, 0, 0]));
        assert_eq!(at(Expr::Meta(Meta { key: MetaKey::Protocol, dreg: Reg::R1 })).1, Some(vec![8, 0, 0, 0]));
        assert_eq!(
            load(ip4(6, &testing::tcp(1, 2, 2, &[])), InnerKind::Vxlan, flags, 8, payload(PayloadBase::Network, 0, 1))
                .0,
            Step::Break
        );
    }

    #[test]
    fn ip_in_ip_has_no_tunnel_header() {
        let inside = ip4(17, &testing::udp(7, 80, b""));
        let p = ip4(4, &inside.bytes);
        let got =
            load(p, InnerKind::Generic, InnerFlags::NH | InnerFlags::TH, 0, payload(PayloadBase::Transport, 2, 2));
        assert_eq!(got.1, Some(vec![0, 80, 0, 0]));
    }

    #[test]
    fn geneve_has_options_and_a_cut_tunnel_is_unknown() {
        let inside = ip6(17, &testing::udp(7, 80, b""));
        let mut g = vec![1, 0, 0x65, 0x58, 0, 0, 5, 0, 9, 9, 9, 9];
        g.extend([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0x86, 0xdd]);
        g.extend(inside.bytes.iter());
        let mut p = ip4(17, &testing::udp(1, 6081, &g));
        let flags = InnerFlags::HDRSIZE | InnerFlags::LL | InnerFlags::NH;
        let e = || payload(PayloadBase::Transport, 2, 2);
        assert_eq!(load(p.clone(), InnerKind::Geneve, flags, 8, e()).1, Some(vec![0, 80, 0, 0]));
        p.bytes.truncate(60);
        assert_eq!(load(p, InnerKind::Geneve, flags, 8, e()), (Step::Go, None));
    }
}
