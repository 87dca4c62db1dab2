//! Packets that this host sends: `ip_route_output_key_hash`, `ip6_route_output`.

use super::super::facts::Host;
use super::super::query::Query;
use super::super::refusal::Refusal;
use super::super::sysctl::Why;
use super::fib::{Found, resolve};
use super::input4::dead_end;
use super::{Outcome, ask};
use crate::evaluate::Fact;
use crate::sys::rt::{Lookup, Route, RouteKind};

/// Where routing sends a packet of this host.
pub fn output<H: Host + ?Sized>(host: &H, q: &Query) -> Outcome {
    decide(host, q).unwrap_or_else(Outcome::Unknown)
}

fn decide<H: Host + ?Sized>(host: &H, q: &Query) -> Result<Outcome, Why> {
    let unbound = |q: &Query| Query { src: std::net::Ipv4Addr::UNSPECIFIED.into(), ..q.clone() };
    if let (std::net::IpAddr::V4(src), std::net::IpAddr::V4(dst)) = (q.src, q.dst)
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

fn choose<H: Host + ?Sized>(host: &H, q: &Query) -> Result<Outcome, Why> {
    let errno = match ask(host, q)? {
        Some(Ok(route)) => return Ok(Outcome::of(&route)),
        Some(Err(errno)) => errno,
        None => {
            let found = resolve(host, q, None)?;
            return Ok(match found {
                Found::Route(route) if route.hops.iter().any(|h| h.oif.is_some()) => Outcome::of(&route),
                found => Outcome::refused(dead_end(&found, q.dst)),
            });
        }
    };
    // Without a source the errno names the kind of route; with one it may also mean that the source is not ours.
    let question = Lookup {
        src: None,
        mark: q.mark.value().copied().unwrap_or(0),
        uid: q.uid.value().copied(),
        oif: q.oif,
        tos: q.tos,
        ..Lookup::to(q.dst)
    };
    let bare = match host.lookup(&question) {
        Fact::Is(answer) => answer,
        Fact::Absent => Err(errno),
        Fact::Unknown(why) => return Err(why),
    };
    let kind = match bare {
        // The source is not ours, and yet somebody sends from it: a raw socket writes its headers itself and is routed
        // without a source, a transparent one is routed with it.
        Ok(route) if !q.src.is_unspecified() => return foreign(host, q, &route),
        Ok(_) => return Err(format!("the kernel refuses with errno {errno}").into()),
        Err(nix::libc::ENETUNREACH) => return Ok(Outcome::refused(dead_end(&Found::Nothing, q.dst))),
        Err(nix::libc::EHOSTUNREACH) => RouteKind::Unreachable,
        Err(nix::libc::EACCES) => RouteKind::Prohibit,
        Err(nix::libc::EINVAL) => RouteKind::Blackhole,
        Err(errno) => return Err(format!("the kernel refuses with errno {errno}").into()),
    };
    // The sender gets the errno; no ICMP is made.
    let refusal = dead_end(&Found::Route(Box::new(Route::bare(kind, q.dst))), q.dst);
    Ok(Outcome::refused(Refusal { told: None, ..refusal }))
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
