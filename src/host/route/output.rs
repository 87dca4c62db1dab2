//! Packets that this host sends: `ip_route_output_key_hash`, `ip6_route_output`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::facts::Host;
use super::super::ipsec;
use super::super::query::Query;
use super::super::refusal::{Cause, Refusal};
use super::super::sysctl::{Why, larger};
use super::fib::{Found, resolve};
use super::input6::is_reject;
use super::{Outcome, ask, dead_end};
use crate::evaluate::Fact;
use crate::sys::rt::{Route, RouteKind};

/// Where routing sends a packet of this host.
pub fn output<H: Host + ?Sized>(host: &H, q: &Query) -> Outcome {
    let found = decide(host, q).unwrap_or_else(Outcome::Unknown);
    match found.oif().map(|oif| ipsec::kept_in(host, q, oif)) {
        Some(Ok(Some(refusal))) => Outcome::refused(refusal),
        Some(Err(why)) => Outcome::Unknown(why),
        _ => found,
    }
}

fn decide<H: Host + ?Sized>(host: &H, q: &Query) -> Result<Outcome, Why> {
    if let (IpAddr::V4(src), IpAddr::V4(dst)) = (q.src, q.dst)
        && !src.is_unspecified()
        && q.oif == 0
        && (dst.is_multicast() || dst.is_broadcast())
    {
        // A socket that is bound to its source sends to many by the device of that address, others by the route.
        let (by_source, by_route) = (choose(host, q)?, choose(host, &unbound(q))?);
        if by_source.oif() != by_route.oif() {
            return Err("which device a packet to many leaves by".into());
        }
        return Ok(by_source);
    }
    choose(host, q)
}

/// The same packet of a socket that has no source yet.
fn unbound(q: &Query) -> Query {
    let src = if q.is_v6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    Query { src, ..q.clone() }
}

fn choose<H: Host + ?Sized>(host: &H, q: &Query) -> Result<Outcome, Why> {
    let errno = match ask(host, q)? {
        Some(Ok(route)) if q.is_v6() && is_reject(host, &route)? => {
            return Ok(ended(host, q, &Found::Nothing));
        }
        Some(Ok(route)) => return Ok(Outcome::of(&route)),
        Some(Err(errno)) => errno,
        None => {
            let found = resolve(host, q, None)?;
            return Ok(match found {
                Found::Route(route) if route.hops.iter().any(|h| h.oif.is_some()) => Outcome::of(&route),
                found => ended(host, q, &found),
            });
        }
    };
    // Without a source the errno names the kind of route; with one it may also mean that the source is not ours.
    let bare = match ask(host, &unbound(q))? {
        Some(Ok(route)) => Ok(route),
        Some(Err(errno)) => Err(errno),
        None => Err(errno),
    };
    let refused = match bare {
        // The source is not ours, and yet somebody sends from it: a raw socket writes its headers itself and is routed
        // without a source, a transparent one is routed with it.
        Ok(route) if !q.src.is_unspecified() => {
            return match localnet(host, q, &route)? {
                Some(refusal) => Ok(Outcome::refused(refusal)),
                None if is_loopback(q.src) => Err(format!("the kernel refuses with errno {errno}").into()),
                None => foreign(host, q, &route),
            };
        }
        Ok(_) => return Err(format!("the kernel refuses with errno {errno}").into()),
        Err(errno) => errno,
    };
    // Rules and tables say which rule or route that is, and the kernel whether it is so.
    if let Ok(found) = resolve(host, q, None)
        && found.errno() == Some(refused)
    {
        return Ok(ended(host, q, &found));
    }
    let kind = match refused {
        nix::libc::ENETUNREACH => return Ok(ended(host, q, &Found::Nothing)),
        nix::libc::EHOSTUNREACH => RouteKind::Unreachable,
        nix::libc::EACCES => RouteKind::Prohibit,
        nix::libc::EINVAL => RouteKind::Blackhole,
        errno => return Err(format!("the kernel refuses with errno {errno}").into()),
    };
    Ok(ended(host, q, &Found::Route(Box::new(Route::bare(kind, q.dst)))))
}

/// The sender gets the errno; no ICMP is made.
fn ended<H: Host + ?Sized>(host: &H, q: &Query, found: &Found) -> Outcome {
    Outcome::refused(Refusal { told: None, ..dead_end::refuse(host, q, None, found) })
}

fn is_loopback(src: IpAddr) -> bool {
    matches!(src, IpAddr::V4(a) if a.is_loopback())
}

/// A loopback address does not leave by another device (`__mkroute_output`).
fn localnet<H: Host + ?Sized>(host: &H, q: &Query, route: &Route) -> Result<Option<Refusal>, Why> {
    let Some(oif) = route.oif().filter(|_| is_loopback(q.src)) else {
        return Ok(None);
    };
    let link = match host.link(oif) {
        Fact::Is(link) => link,
        Fact::Absent => return Err(format!("interface {oif} has gone").into()),
        Fact::Unknown(why) => return Err(why),
    };
    let localnet = larger(host, "ipv4", &link, "route_localnet")?;
    if link.is_loopback() || localnet.is_on() {
        return Ok(None);
    }
    let refusal = Refusal::setting(Cause::RouteLocalnet, localnet, "1");
    let refusal =
        refusal.because(format!("source {}", q.src), format!("a loopback address, to leave by {}", link.name));
    // A raw socket that writes its headers itself is routed without a source.
    Ok(Some(refusal.unless("a raw socket sends it", false)))
}

/// The way of a packet from an address that is not of this host.
fn foreign<H: Host + ?Sized>(host: &H, q: &Query, bare: &Route) -> Result<Outcome, Why> {
    match host.rules(q.is_v6()) {
        Fact::Is(rules) if rules.iter().any(|r| r.src.is_some_and(|p| p.len > 0)) => {
            Err(format!("whether routing rules see the source {}, which is not of this host", q.src).into())
        }
        Fact::Unknown(why) => Err(why),
        _ => Ok(Outcome::of(bare)),
    }
}
