//! `dup` and `fwd`: a copy, or the packet itself, leaves by another device.

use crate::evaluate::environment::Link;
use crate::evaluate::nft::machine::{Machine, Step, Taken};
use crate::evaluate::{Context, Decision, Effect, Fact, Network};
use crate::sys::nft::Family;
use crate::sys::nft::expr::{Dup, Fwd};

use super::tproxy::address;

/// `nft_dup_ipv4_eval`, `nft_dup_netdev_eval` and their like
pub fn dup(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Dup) -> Step {
    let len = if m.info.family == Family::Ip6 { 16 } else { 4 };
    let gateway = match e.addr.map(|reg| m.take(cx, reg, len)) {
        Some(Taken::Bytes(b)) => address(b),
        Some(Taken::Nothing) => return Step::Break,
        Some(Taken::Unknown(_)) | None => None,
    };
    let device = match e.dev.map(|reg| m.take(cx, reg, 4)) {
        Some(Taken::Bytes(b)) => index(b).and_then(|i| cx.env.link(i).known()).map(|l: Link| l.name),
        Some(Taken::Nothing) => return Step::Break,
        Some(Taken::Unknown(_)) | None => None,
    };
    cx.effects.push(Effect::Copy { gateway, device });
    Step::Go
}

fn index(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

/// `nft_fwd_netdev_eval`, `nft_fwd_neigh_eval`
pub fn fwd(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Fwd) -> Step {
    let device = match m.take(cx, e.dev, 4) {
        Taken::Bytes(b) => index(b).map(|i| cx.env.link(i)),
        Taken::Unknown(_) => None,
        Taken::Nothing => return Step::Break,
    };
    if e.addr.is_some() {
        let lives = match (e.nfproto, cx.packet.network) {
            (Some(Family::Ip), Network::Ip4) => cx.packet.array::<1>(8),
            (Some(Family::Ip6), Network::Ip6) => cx.packet.array::<1>(7),
            _ => return Step::Break,
        };
        match lives {
            Fact::Is([ttl]) if ttl > 1 => {}
            Fact::Is(_) | Fact::Absent => return Step::Verdict(Decision::Drop),
            Fact::Unknown(what) => {
                if !cx.ask(what, b"nft fwd ttl", true) {
                    return Step::Verdict(Decision::Drop);
                }
            }
        }
        // Without the device the packet stays.
        if matches!(device, Some(Fact::Absent)) {
            return Step::Go;
        }
    }
    let to = device.and_then(Fact::known).map_or_else(String::new, |l: Link| format!(" to {}", l.name));
    Step::Verdict(Decision::Stolen(format!("fwd{to}").into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::evaluate::{Hook, Packet};
    use crate::sys::nft::Reg;

    fn host() -> Host {
        Host { links: vec![Link { index: 4, name: "eth9".into(), ..Link::default() }], ..Host::default() }
    }

    #[test]
    fn a_copy_goes_elsewhere_and_the_packet_goes_on() {
        on(ip4(17, &[0; 8]), Hook::Prerouting, &host(), &table(Family::Ip), |cx, m| {
            m.regs.write(Reg::R1, &[10, 9, 8, 7]);
            m.regs.write_u32(Reg(8), 4);
            assert_eq!(dup(cx, m, &Dup { addr: Some(Reg::R1), dev: Some(Reg(8)) }), Step::Go);
            let gateway = Some(std::net::IpAddr::from([10, 9, 8, 7]));
            assert_eq!(cx.effects, [Effect::Copy { gateway, device: Some("eth9".into()) }]);
        });
    }

    fn forward(packet: Packet, addr: Option<Reg>) -> Step {
        on(packet, Hook::Ingress, &host(), &table(Family::Netdev), |cx, m| {
            m.regs.write_u32(Reg::R1, 4);
            fwd(cx, m, &Fwd { dev: Reg::R1, addr, nfproto: addr.map(|_| Family::Ip) })
        })
    }

    #[test]
    fn a_forwarded_packet_is_gone_unless_it_is_too_old() {
        let gone = Step::Verdict(Decision::Stolen("fwd to eth9".into()));
        assert_eq!(forward(ip4(17, &[0; 8]), None), gone);
        assert_eq!(forward(ip4(17, &[0; 8]), Some(Reg(8))), gone);
        assert_eq!(forward(ip6(17, &[0; 8]), Some(Reg(8))), Step::Break);
        let mut old = ip4(17, &[0; 8]);
        old.bytes[8] = 1;
        assert_eq!(forward(old, Some(Reg(8))), Step::Verdict(Decision::Drop));
    }
}
