//! The largest packet that fits through both the route of a packet and that of its answers: what segment sizes are
//! clamped to.

use std::net::IpAddr;

use super::context::Context;
use super::environment::FibAnswer;
use super::fact::Fact;
use super::nat::address;
use crate::host::sysctl::conf;

/// `IP_MAX_MTU`, `IP6_MAX_MTU`.
const LARGEST: [u32; 2] = [0xffff, 0xffff + 40];
/// `IPV6_MIN_MTU`: of a device without IPv6.
const IPV6_MIN_MTU: u32 = 1280;
/// What a route through a gateway has whose MTU is locked and not said.
const LOCKED: u32 = 576;

/// In bytes, from the network header on (`dst_mtu` of both routes).
pub fn both_ways(cx: &Context<'_>) -> Fact<u32> {
    let source = cx.packet.addresses().and_then(|(source, _)| address(source));
    let (Fact::Is(route), Some(source)) = (&cx.packet.route, source) else { return Fact::unknown("path MTU") };
    // A route that leads through IPsec has a smaller one.
    if cx.env.under_ipsec() != Fact::Is(false) {
        return Fact::unknown("path MTU through IPsec");
    }
    let there = of(cx, route, source);
    match cx.env.way_back(source) {
        Fact::Is(back) => match (there, of(cx, &back, source)) {
            (Fact::Is(there), Fact::Is(back)) => Fact::Is(there.min(back)),
            (Fact::Is(_), unknown) | (unknown, _) => unknown,
        },
        Fact::Absent => there,
        Fact::Unknown(why) => Fact::Unknown(why),
    }
}

/// `ipv4_mtu`, `ip6_mtu`
fn of(cx: &Context<'_>, route: &FibAnswer, family: IpAddr) -> Fact<u32> {
    let link = match cx.env.link(route.oif) {
        Fact::Is(link) => link,
        _ => return Fact::unknown("path MTU"),
    };
    let own = match (route.mtu.filter(|&m| m != 0), family) {
        (Some(mtu), _) => mtu,
        (None, IpAddr::V4(_)) if route.mtu_locked && route.gateway.is_some() => link.mtu.min(LOCKED),
        (None, IpAddr::V4(_)) => link.mtu,
        (None, IpAddr::V6(_)) => {
            let Some(name) = link.name.as_str() else { return Fact::unknown("path MTU") };
            match cx.env.sysctl(&conf("ipv6", name, "mtu")) {
                Fact::Is(text) => match text.trim().parse() {
                    Ok(mtu) => mtu,
                    Err(_) => return Fact::unknown("path MTU"),
                },
                Fact::Absent => IPV6_MIN_MTU,
                Fact::Unknown(why) => return Fact::Unknown(why),
            }
        }
    };
    Fact::Is(own.min(LARGEST[usize::from(family.is_ipv6())]))
}
