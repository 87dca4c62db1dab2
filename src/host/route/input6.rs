//! IPv6 packets that came in: `ip6_rcv_core`, `ip6_route_input`, `ip6_forward` (net/ipv6).

use std::net::{IpAddr, Ipv6Addr};

use super::super::facts::Host;
use super::super::query::Query;
use super::super::refusal::{Cause, Refusal};
use super::super::sysctl::{Why, conf, number, own};
use super::fib::{Found, resolve};
use super::input4::{describe, route_to};
use super::leave::IPV6_MIN_MTU;
use super::{Outcome, ask, dead_end};
use crate::evaluate::Fact;
use crate::sys::rt::{Link, Route, RouteKind};

pub(super) fn decide<H: Host + ?Sized>(host: &H, q: &Query, link: &Link) -> Result<Outcome, Why> {
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (q.src, q.dst) else { return Err("addresses of two families".into()) };
    let refused = |r| Ok(Outcome::refused(r));

    if let Some(refusal) = without_ip6(host, link) {
        return refused(refusal);
    }
    let off = own(host, "ipv6", link, "disable_ipv6")?;
    if off.is_on() {
        return refused(Refusal::setting(Cause::ProtocolOff, off, "0"));
    }
    // What follows the kernel refuses before the prerouting hook; a rewrite there could not make it so.
    if src.is_loopback() || dst.is_loopback() {
        return refused(Refusal::new(Cause::MartianSource).because("a loopback address on", link.name.to_string()));
    }
    if src.is_multicast() {
        return refused(Refusal::new(Cause::MartianSource).because("source", src.to_string()));
    }
    if dst.is_multicast() {
        return multicast(host, q, link, dst);
    }
    let route = match ask(host, q)? {
        Some(Ok(route)) => (*route).clone(),
        Some(Err(errno)) => {
            let found =
                rejected(errno, q).ok_or_else(|| Why::from(format!("the kernel refuses with errno {errno}")))?;
            return refused(dead_end::refuse(host, q, Some(link), &found));
        }
        None => match resolve(host, q, Some(link))? {
            Found::Route(route)
                if !matches!(route.kind, RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit) =>
            {
                *route
            }
            found => return refused(dead_end::refuse(host, q, Some(link), &found)),
        },
    };
    if is_reject(host, &route)? {
        let nothing = dead_end::refuse(host, q, Some(link), &Found::Nothing);
        return refused(nothing.because(route_to(q.dst), describe(host, &route)));
    }
    if route.kind == RouteKind::Unicast {
        // ip6_forward, as far as it does not depend on the packet's size.
        if let Some(refusal) = not_forwarded(host, link)? {
            return refused(refusal.because(route_to(q.dst), describe(host, &route)));
        }
    }
    Ok(Outcome::of(&route))
}

/// A device whose MTU is too small for IPv6 has none, nor settings of it.
fn without_ip6<H: Host + ?Sized>(host: &H, link: &Link) -> Option<Refusal> {
    let key = conf("ipv6", link.name.as_str()?, "disable_ipv6");
    let small = (link.mtu as usize) < IPV6_MIN_MTU && host.sysctl(&key) == Fact::Absent;
    let what = format!("{} has no IPv6: its MTU {} is less than {IPV6_MIN_MTU}", link.name, link.mtu);
    small.then(|| Refusal::new(Cause::TooBig).with_detail(what))
}

/// A route of IPv6 by the loopback that is none of this host's leads nowhere (`fib6_is_reject`).
pub(super) fn is_reject<H: Host + ?Sized>(host: &H, route: &Route) -> Result<bool, Why> {
    let Some(oif) = route.oif().filter(|_| route.kind == RouteKind::Unicast) else { return Ok(false) };
    match host.link(oif) {
        Fact::Is(link) => Ok(link.is_loopback()),
        Fact::Absent => Ok(false),
        Fact::Unknown(why) => Err(why),
    }
}

/// `ip6_mc_input`: taken if somebody here has joined the group. (A route lookup does not tell.)
fn multicast<H: Host + ?Sized>(host: &H, q: &Query, link: &Link, group: Ipv6Addr) -> Result<Outcome, Why> {
    let wanted: String = group.octets().iter().map(|b| format!("{b:02x}")).collect();
    let joined = match host.proc_net("igmp6") {
        // Each line: interface index, its name, the group, users, flags, timer.
        Fact::Is(text) => text.lines().any(|line| {
            let mut words = line.split_ascii_whitespace();
            words.next().and_then(|w| w.parse().ok()) == Some(link.index) && words.nth(1) == Some(&wanted)
        }),
        Fact::Absent => false,
        Fact::Unknown(why) => return Err(why),
    };
    if joined {
        return Ok(Outcome::of(&Route::bare(RouteKind::Multicast, q.dst)));
    }
    let shown = Refusal::new(Cause::NotJoined).because("/proc/net/igmp6", format!("no {group} on {}", link.name));
    Ok(Outcome::refused(shown))
}

/// `/proc/sys/net/ipv6/conf/all/forwarding` decides alone; since 6.17 `force_forwarding` of the interface may overrule it.
fn not_forwarded<H: Host + ?Sized>(host: &H, link: &Link) -> Result<Option<Refusal>, Why> {
    let all = number(host, conf("ipv6", "all", "forwarding"))?;
    if all.is_on() {
        return Ok(None);
    }
    let force = link.name.as_str().map(|name| conf("ipv6", name, "force_forwarding"));
    if let Some(key) = force
        && let Fact::Is(value) = host.sysctl(&key)
        && value.trim() != "0"
    {
        return Ok(None);
    }
    Ok(Some(Refusal::setting(Cause::ForwardingOff, all, "1")))
}

/// In IPv6 each errno stands for one kind of route.
fn rejected(errno: i32, q: &Query) -> Option<Found> {
    let kind = match errno {
        nix::libc::ENETUNREACH => return Some(Found::Nothing),
        nix::libc::EHOSTUNREACH => RouteKind::Unreachable,
        nix::libc::EACCES => RouteKind::Prohibit,
        nix::libc::EINVAL => RouteKind::Blackhole,
        _ => return None,
    };
    Some(Found::Route(Box::new(Route::bare(kind, q.dst))))
}
