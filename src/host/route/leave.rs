//! What may keep a routed packet from being forwarded, or from leaving.

use std::net::IpAddr;

use super::super::deliver::raw_sockets;
use super::super::facts::Host;
use super::super::ipsec;
use super::super::query::Query;
use super::super::refusal::{Cause, Refusal};
use super::super::sysctl::{Why, number, own};
use super::Way;
use super::fib::{Found, resolve};
use crate::evaluate::Fact;
use crate::sys::rt::{Direction, Link, LinkFlags, NeighbourState};

/// The smallest MTU that IPv6 lives with (`IPV6_MIN_MTU`).
pub(super) const IPV6_MIN_MTU: usize = 1280;

/// What stops a packet between routing and the forward hook (`ip_forward`, `ip6_forward`): an IPsec policy, its TTL, its
/// source, its size. Absent: nothing does.
pub fn forward<H: Host + ?Sized>(host: &H, q: &Query, way: &Way) -> Fact<Refusal> {
    let decide = || {
        if let Some(refusal) = ipsec::stopped(host, q, Direction::Forward)? {
            return Ok(Some(refusal));
        }
        if q.alerts
            && let Some(refusal) = router_alert(host, q)?
        {
            return Ok(Some(refusal));
        }
        if q.ttl.is_some_and(|ttl| ttl <= 1) {
            let told = if q.is_v6() { "icmp6-time-exceeded" } else { "icmp-time-exceeded" };
            return Ok(Some(Refusal::new(Cause::TtlExpired).because("TTL", "1").telling(told)));
        }
        if let Some(refusal) = ipsec::kept_in(host, q, way.oif)? {
            return Ok(Some(refusal));
        }
        if let Some(refusal) = beyond_scope(q, way) {
            return Ok(Some(refusal));
        }
        too_big(host, q, way, &out(host, way)?)
    };
    decide().map_or_else(Fact::Unknown, Fact::from)
}

/// Raw sockets may have asked for what has this option, and it goes no further then (`ip_call_ra_chain`,
/// `ip6_call_ra_chain`). Which of them have is not told.
fn router_alert<H: Host + ?Sized>(host: &H, q: &Query) -> Result<Option<Refusal>, Why> {
    // IPv6 tells them by the option's value, and only sockets of no protocol may ask.
    let (file, protocol) = if q.is_v6() { ("raw6", Some(255)) } else { ("raw", q.protocol) };
    let there = match host.proc_net(file) {
        Fact::Is(text) => protocol.is_some_and(|p| raw_sockets(&text, p)),
        Fact::Absent => false,
        Fact::Unknown(why) => return Err(why),
    };
    let refusal = Refusal::new(Cause::RouterAlert).unless("no raw socket here has asked for router alerts", true);
    Ok(there.then_some(refusal))
}

/// IPv6 sources that mean something on their own link only are forwarded nowhere else.
fn beyond_scope(q: &Query, way: &Way) -> Option<Refusal> {
    let IpAddr::V6(src) = q.src else { return None };
    if way.oif == q.iif || !(src.is_unspecified() || src.is_unicast_link_local()) {
        return None;
    }
    let refusal = Refusal::new(Cause::MartianSource).because(format!("source {src}"), "not forwarded to another link");
    Some(if src.is_unspecified() { refusal } else { refusal.telling("icmp6-beyond-scope") })
}

/// What stops a packet behind the last hook: its size, or the next hop does not answer. Absent: nothing does.
pub fn leave<H: Host + ?Sized>(host: &H, q: &Query, way: &Way) -> Fact<Refusal> {
    let decide = || {
        let link = out(host, way)?;
        match too_big_to_leave(host, q, way, &link)? {
            None => neighbour(host, q, way, &link),
            refusal => Ok(refusal),
        }
    };
    decide().map_or_else(Fact::Unknown, Fact::from)
}

fn out<H: Host + ?Sized>(host: &H, way: &Way) -> Result<Link, Why> {
    match host.link(way.oif) {
        Fact::Is(link) => Ok(link),
        Fact::Absent => Err(format!("interface {} has gone", way.oif).into()),
        Fact::Unknown(why) => Err(why),
    }
}

fn too_big<H: Host + ?Sized>(host: &H, q: &Query, way: &Way, link: &Link) -> Result<Option<Refusal>, Why> {
    let Some(length) = q.length else { return Ok(None) };
    let mtu = match way.mtu.filter(|&m| m != 0) {
        Some(mtu) if !q.is_v6() && q.length.is_some_and(|l| l <= mtu as usize) => mtu as usize,
        Some(mtu) if !q.is_v6() && way.mtu_locked => mtu as usize,
        Some(_) if !q.is_v6() => not_learned(host, q, way, link)?,
        // An IPv6 route's own only counts here when it is locked.
        Some(mtu) if way.mtu_locked => (mtu as usize).max(IPV6_MIN_MTU),
        _ if q.is_v6() => (own(host, "ipv6", link, "mtu")?.value.max(0) as usize).max(IPV6_MIN_MTU),
        _ => link.mtu as usize,
    };
    if length <= mtu || !q.dont_fragment {
        return Ok(None);
    }
    exceeds(host, q, link, length, mtu)
}

/// What IPv4 forwards is held against what was learned about the way only if it is told to
/// (`ip_dst_mtu_maybe_forward`).
fn not_learned<H: Host + ?Sized>(host: &H, q: &Query, way: &Way, link: &Link) -> Result<usize, Why> {
    let learned = way.mtu.unwrap_or(link.mtu) as usize;
    if number(host, "net.ipv4.ip_forward_use_pmtu".into())?.is_on() {
        return Ok(learned);
    }
    let iif = host.link(q.iif).known();
    Ok(match resolve(host, q, iif.as_ref())? {
        Found::Route(route) => route.mtu.filter(|&m| m != 0).unwrap_or(link.mtu) as usize,
        _ => learned,
    })
}

/// What IPv6 forwards is held against the route's own MTU once more when it leaves (`ip6_finish_output`).
fn too_big_to_leave<H: Host + ?Sized>(host: &H, q: &Query, way: &Way, link: &Link) -> Result<Option<Refusal>, Why> {
    match (q.length, way.mtu) {
        (Some(length), Some(mtu)) if q.is_v6() && q.iif != 0 && mtu != 0 && length > mtu as usize => {
            exceeds(host, q, link, length, mtu as usize)
        }
        _ => Ok(None),
    }
}

/// The packet is larger than that.
fn exceeds<H: Host + ?Sized>(
    host: &H,
    q: &Query,
    link: &Link,
    length: usize,
    mtu: usize,
) -> Result<Option<Refusal>, Why> {
    // A packet that is larger than what its own link carries was put together from several on the way in (GRO), and
    // is taken apart again on the way out.
    if let Fact::Is(iif) = host.link(q.iif)
        && length > iif.mtu as usize
    {
        return Err("the size of the segments that a packet was put together from".into());
    }
    let told = if q.is_v6() { "icmp6-packet-too-big" } else { "icmp-fragmentation-needed" };
    let refusal = Refusal::new(Cause::TooBig).with_detail(format!("larger than MTU {mtu} of {}", link.name));
    Ok(Some(
        refusal
            .because("length", length.to_string())
            .because(format!("MTU of {}", link.name), mtu.to_string())
            .telling(told),
    ))
}

fn neighbour<H: Host + ?Sized>(host: &H, q: &Query, way: &Way, link: &Link) -> Result<Option<Refusal>, Why> {
    let hop = way.next_hop(q.dst);
    let is_one = match hop {
        IpAddr::V4(a) => !a.is_multicast() && !a.is_broadcast(),
        IpAddr::V6(a) => !a.is_multicast(),
    };
    if link.flags.intersects(LinkFlags::LOOPBACK | LinkFlags::NOARP | LinkFlags::POINTOPOINT) || !is_one {
        return Ok(None);
    }
    let neighbour = match host.neighbour(link.index, hop) {
        Fact::Is(neighbour) => neighbour,
        // It has not been asked for lately; that nobody answers is not known before somebody asks.
        Fact::Absent => return Ok(None),
        Fact::Unknown(why) => return Err(why),
    };
    let asked = neighbour.state.contains(NeighbourState::INCOMPLETE);
    if !asked && !neighbour.state.contains(NeighbourState::FAILED) {
        return Ok(None);
    }
    let told = if q.is_v6() { "icmp6-addr-unreachable" } else { "icmp-host-unreachable" };
    let refusal = Refusal::new(Cause::NeighbourFailed).with_detail(format!("{hop} on {} does not answer", link.name));
    let refusal =
        refusal.because(format!("neighbour {hop} on {}", link.name), neighbour.state.to_string()).telling(told);
    // It has been asked for. One that is there answers the first question within a second.
    Ok(Some(if asked {
        refusal.unless(format!("{hop} on {} answers", link.name), neighbour.probes < 2)
    } else {
        refusal
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;
    use crate::sys::ct::L4;
    use crate::sys::rt::{Route, RouteKind};

    /// Which of the raw sockets of a protocol have asked for router alerts is not told.
    #[test]
    fn a_router_alert_is_passed_on_unless_a_raw_socket_may_take_it() {
        let mut host = FakeHost::new();
        host.add_link(2, "eth0", LinkFlags::UP).add_link(3, "eth1", LinkFlags::UP);
        let way = Way { oif: 3, ..Way::of(&Route::bare(RouteKind::Unicast, [10, 0, 5, 2].into())) };
        let plain = Query::new([192, 0, 2, 2].into(), [10, 0, 5, 2].into(), 46, L4::None).via(2);
        let alert = Query { alerts: true, ..plain.clone() };
        assert_eq!(forward(&host, &alert, &way), Fact::Absent);
        let line = "  46: 00000000:002E 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1 2 0 0\n";
        host.proc_net.insert("raw".into(), line.into());
        let open = |f: Fact<Refusal>| matches!(f, Fact::Is(r) if r.cause == Cause::RouterAlert && r.unless.is_some());
        assert!(open(forward(&host, &alert, &way)));
        assert_eq!(forward(&host, &plain, &way), Fact::Absent);
        assert_eq!(forward(&host, &Query { protocol: Some(17), ..alert }, &way), Fact::Absent);
    }
}
