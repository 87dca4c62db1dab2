//! `rt`: the packet's route.

use std::net::IpAddr;

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::{Context, Fact, path_mtu};
use crate::sys::nft::Family;
use crate::sys::nft::expr::{Rt, RtKey};

use super::meta::word;
use super::tproxy::ends;

/// `TCP_MSS_DEFAULT`
const DEFAULT_MSS: u16 = 536;

/// `nft_rt_get_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Rt) -> Step {
    let len = match e.key {
        RtKey::Nexthop6 => 16,
        RtKey::Tcpmss => 2,
        RtKey::Xfrm => 1,
        _ => 4,
    };
    let family = match e.key {
        RtKey::Nexthop4 => Some(Family::Ip),
        RtKey::Nexthop6 => Some(Family::Ip6),
        _ => None,
    };
    if family.is_some_and(|f| f != m.info.family) {
        return Step::Break;
    }
    let route = match &cx.packet.route {
        Fact::Is(route) => *route,
        Fact::Absent => return Step::Break,
        Fact::Unknown(w) => {
            m.regs.write_unknown(e.dreg, len, Unknown::fact(w.clone()).changed(e.key.code()).perhaps_absent());
            return Step::Go;
        }
    };
    let known = match e.key {
        RtKey::Classid => return word(m, e.dreg, Fact::Is(route.realm.unwrap_or(0))),
        RtKey::Nexthop4 | RtKey::Nexthop6 => match route.gateway.or_else(|| ends(cx).map(|(_, to)| to)) {
            Some(IpAddr::V4(a)) if e.key == RtKey::Nexthop4 => {
                m.regs.write(e.dreg, &a.octets());
                true
            }
            Some(IpAddr::V6(a)) if e.key == RtKey::Nexthop6 => {
                m.regs.write(e.dreg, &a.octets());
                true
            }
            _ => false,
        },
        RtKey::Tcpmss => match segment(cx) {
            Some(mss) => {
                m.regs.write_u16(e.dreg, mss);
                true
            }
            None => false,
        },
        RtKey::Xfrm | RtKey::Unknown(_) => false,
    };
    if !known {
        m.regs.write_unknown(e.dreg, len, Unknown::fact(format!("rt {}", e.key)));
    }
    Step::Go
}

/// `get_tcpmss`
fn segment(cx: &Context<'_>) -> Option<u16> {
    let headers = if ends(cx)?.0.is_ipv4() { 40 } else { 60 };
    let mtu = path_mtu::both_ways(cx).known()?;
    if mtu <= headers || mtu > 0xffff { Some(DEFAULT_MSS) } else { u16::try_from(mtu - headers).ok() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::environment::{FibAnswer, Link};
    use crate::evaluate::nft::testing::*;
    use crate::evaluate::{Hook, Packet};
    use crate::sys::nft::Reg;

    fn load(packet: Packet, key: RtKey) -> (Step, Option<Vec<u8>>) {
        let answer = FibAnswer { kind: 1, oif: 2, mtu: Some(1400), ..FibAnswer::default() };
        let links = vec![Link { index: 2, mtu: 1500, ..Link::default() }];
        let host = Host { fib: Some(answer), links, ipsec: Some(false), ..Host::default() };
        on(packet, Hook::Forward, &host, &table(Family::Inet), |cx, m| {
            let step = eval(cx, m, &Rt { key, dreg: Reg::R1 });
            (step, m.regs.read(Reg::R1, 4).map(<[u8]>::to_vec))
        })
    }

    #[test]
    fn a_routed_packet_has_a_next_hop_and_a_segment_size() {
        let mut p = ip4(6, &[0; 20]);
        p.route = Fact::Absent;
        assert_eq!(load(p.clone(), RtKey::Nexthop4).0, Step::Break);
        let gateway = Some(IpAddr::from([10, 0, 0, 254]));
        p.route = Fact::Is(FibAnswer { kind: 1, oif: 2, gateway, realm: Some(9), ..FibAnswer::default() });
        assert_eq!(load(p.clone(), RtKey::Nexthop4).1, Some(vec![10, 0, 0, 254]));
        assert_eq!(load(p.clone(), RtKey::Nexthop6).0, Step::Break);
        assert_eq!(load(p.clone(), RtKey::Classid).1, Some(9u32.to_ne_bytes().to_vec()));
        // The answers' route is the narrower one.
        assert_eq!(load(p.clone(), RtKey::Tcpmss).1, Some([&1360u16.to_ne_bytes()[..], &[0, 0]].concat()));
        assert_eq!(load(p, RtKey::Xfrm), (Step::Go, None));
    }
}
