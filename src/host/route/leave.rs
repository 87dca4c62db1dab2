//! What may keep a routed packet from being forwarded, or from leaving.

use std::net::IpAddr;

use super::super::facts::Host;
use super::super::ipsec;
use super::super::query::Query;
use super::super::refusal::{Cause, Refusal};
use super::super::sysctl::{Why, own};
use super::Way;
use crate::evaluate::Fact;
use crate::sys::rt::{Direction, Link, LinkFlags, NeighbourState};

/// The smallest MTU that IPv6 lives with (`IPV6_MIN_MTU`).
const IPV6_MIN_MTU: usize = 1280;

/// What stops a packet between routing and the forward hook (`ip_forward`, `ip6_forward`): an IPsec policy, its TTL, its
/// size. Absent: nothing does.
pub fn forward<H: Host + ?Sized>(host: &H, q: &Query, way: &Way) -> Fact<Refusal> {
    let decide = || {
        if let Some(refusal) = ipsec::stopped(host, q, Direction::Forward)? {
            return Ok(Some(refusal));
        }
        if q.ttl.is_some_and(|ttl| ttl <= 1) {
            let told = if q.is_v6() { "icmp6-time-exceeded" } else { "icmp-time-exceeded" };
            return Ok(Some(Refusal::new(Cause::TtlExpired).because("TTL", "1").telling(told)));
        }
        too_big(host, q, way, &out(host, way)?)
    };
    decide().map_or_else(Fact::Unknown, Fact::from)
}

/// What stops a packet behind the last hook: the next hop does not answer. Absent: nothing does.
pub fn leave<H: Host + ?Sized>(host: &H, q: &Query, way: &Way) -> Fact<Refusal> {
    out(host, way).and_then(|link| neighbour(host, q, way, &link)).map_or_else(Fact::Unknown, Fact::from)
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
        // An IPv6 route's metric only counts when it is locked, which a lookup does not tell.
        Some(mtu) if !q.is_v6() => mtu as usize,
        _ if q.is_v6() => (own(host, "ipv6", link, "mtu")?.value.max(0) as usize).max(IPV6_MIN_MTU),
        _ => link.mtu as usize,
    };
    if length <= mtu || !q.dont_fragment {
        return Ok(None);
    }
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
