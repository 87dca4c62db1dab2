//! IPv4 packets that came in: `ip_route_input_slow` and `fib_validate_source` (net/ipv4/route.c, fib_frontend.c).

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use super::super::facts::Host;
use super::super::query::Query;
use super::super::refusal::{Cause, Refusal};
use super::super::sysctl::{self, Why, larger, number, own};
use super::fib::{Found, resolve};
use super::{Outcome, Way, ask, dead_end};
use crate::evaluate::Fact;
use crate::sys::rt::{Address, Link, Route, RouteKind, Rule};

pub(super) fn decide<H: Host + ?Sized>(host: &H, q: &Query, link: &Link) -> Result<Outcome, Why> {
    let errno = match ask(host, q)? {
        Some(Ok(route)) if route.kind == RouteKind::Broadcast && is_passed_on(host, q, link)? => {
            return Err("where bc_forwarding sends a broadcast".into());
        }
        Some(Ok(route)) => return Ok(Outcome::of(&route)),
        Some(Err(errno)) => errno,
        None => return walk(host, q, link, looks_twice(host)?),
    };
    // Whether the kernel takes its short cut with sources it does not tell; it refuses more without.
    let refusal = match walk(host, q, link, true) {
        Ok(Outcome::Refused(refusal)) => refusal,
        // Kernels that say EXDEV say it for one reason only.
        _ if errno == nix::libc::EXDEV => Box::new(Refusal::new(Cause::ReversePath)),
        Ok(_) => return Err(format!("the kernel refuses with errno {errno}, and nothing seen here explains it").into()),
        Err(why) => return Err(format!("the kernel refuses with errno {errno}; why is not known: {why}").into()),
    };
    if fits(refusal.cause, errno) {
        Ok(Outcome::Refused(refusal))
    } else {
        Err(format!("the kernel refuses with errno {errno}, which does not fit: {}", refusal.cause).into())
    }
}

/// Are broadcasts to other networks forwarded here (`IN_DEV_BFORWARD`)?
fn is_passed_on<H: Host + ?Sized>(host: &H, q: &Query, link: &Link) -> Result<bool, Why> {
    if q.dst == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Ok(false);
    }
    // Kernels before 5.0 have no such setting.
    let on = |s: Result<sysctl::Setting, Why>| s.is_ok_and(|s| s.is_on());
    Ok(on(number(host, sysctl::conf("ipv4", "all", "bc_forwarding"))) && on(own(host, "ipv4", link, "bc_forwarding")))
}

/// Is that what the kernel answers for that cause? (Newer ones say `EINVAL` for the reverse path filter, others `EXDEV`.)
fn fits(cause: Cause, errno: i32) -> bool {
    use nix::libc::{EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH, EXDEV};
    match cause {
        Cause::ForwardingOff | Cause::Unreachable => errno == EHOSTUNREACH || errno == ENETUNREACH,
        Cause::NoRoute => errno == ENETUNREACH,
        Cause::Prohibit => errno == EACCES,
        Cause::ReversePath => errno == EINVAL || errno == EXDEV,
        _ => errno == EINVAL,
    }
}

/// Does the kernel look a source up even without a reverse path filter? It does once there are rules or local routes of
/// the user's own, and then looks at more than whether the source is an address of this host.
fn looks_twice<H: Host + ?Sized>(host: &H) -> Result<bool, Why> {
    let plain =
        |r: &Rule| r.is_unconditional() && matches!((r.priority, r.table), (0, 255) | (32766, 254) | (32767, 253));
    match host.rules(false) {
        Fact::Is(rules) => Ok(!rules.iter().all(plain)),
        Fact::Absent => Ok(false),
        Fact::Unknown(why) => Err(why),
    }
}

/// The walk itself, in the kernel's order; `twice` as [`looks_twice`] says.
fn walk<H: Host + ?Sized>(host: &H, q: &Query, link: &Link, twice: bool) -> Result<Outcome, Why> {
    let (IpAddr::V4(src), IpAddr::V4(dst)) = (q.src, q.dst) else { return Err("addresses of two families".into()) };
    let refused = |r| Ok(Outcome::refused(r));
    let martian = |cause, what: String| Ok(Outcome::refused(Refusal::new(cause).because(what, "not allowed")));

    if dst.is_multicast() {
        return multicast(host, q, link, src, twice);
    }
    if src.is_multicast() || src.is_broadcast() {
        return martian(Cause::MartianSource, format!("source {src}: no host sends from there"));
    }
    if dst.is_broadcast() || (src.is_unspecified() && dst.is_unspecified()) {
        return broadcast(host, q, link, src, twice);
    }
    if src.is_unspecified() {
        return martian(Cause::MartianSource, format!("source {src}: only to the limited broadcast"));
    }
    if dst.is_unspecified() {
        return martian(Cause::MartianDestination, format!("destination {dst}"));
    }
    if dst.is_loopback() || src.is_loopback() {
        let localnet = larger(host, "ipv4", link, "route_localnet")?;
        if !localnet.is_on() {
            let which = if dst.is_loopback() { format!("destination {dst}") } else { format!("source {src}") };
            let refusal = Refusal::setting(Cause::RouteLocalnet, localnet, "1");
            return refused(refusal.because(which, format!("a loopback address, on {}", link.name)));
        }
    }
    let forwarding = || own(host, "ipv4", link, "forwarding");
    let found = resolve(host, q, Some(link))?;
    if found.errno().is_some() {
        // Where forwarding is off the kernel says so first, and no ICMP is sent; the way would end all the same.
        let forwarding = forwarding()?;
        let dead_end = dead_end::refuse(host, q, Some(link), &found);
        if forwarding.is_on() {
            return refused(dead_end);
        }
        let mut refusal = forwarding_off(host, forwarding)?;
        refusal.evidence.extend(dead_end.evidence);
        return refused(refusal);
    }
    let Found::Route(route) = found else { return Err("a rule that is no answer".into()) };
    match route.kind {
        RouteKind::Broadcast => broadcast(host, q, link, src, twice),
        RouteKind::Local => validated(host, q, link, src, &route, twice),
        kind => {
            let forwarding = forwarding()?;
            if !forwarding.is_on() {
                return refused(forwarding_off(host, forwarding)?.because(route_to(q.dst), describe(host, &route)));
            }
            if kind != RouteKind::Unicast {
                return martian(Cause::MartianDestination, format!("a route of kind {kind} to {dst}"));
            }
            validated(host, q, link, src, &route, twice)
        }
    }
}

/// Forwarding is off on the interface. The key is the one that people know, unless it is on and only the interface is not.
fn forwarding_off<H: Host + ?Sized>(host: &H, own: sysctl::Setting) -> Result<Refusal, Why> {
    let all = number(host, "net.ipv4.ip_forward".into())?;
    Ok(if all.is_on() {
        Refusal::setting(Cause::ForwardingOff, own, "1").given(&all)
    } else {
        Refusal::setting(Cause::ForwardingOff, all, "1").given(&own)
    })
}

/// `brd_input` of `ip_route_input_slow`.
fn broadcast<H: Host + ?Sized>(host: &H, q: &Query, link: &Link, src: Ipv4Addr, twice: bool) -> Result<Outcome, Why> {
    let mut route = Route::bare(RouteKind::Broadcast, q.dst);
    route.table = 255;
    if src.is_unspecified() {
        return Ok(Outcome::Local(Way::of(&route)));
    }
    validated(host, q, link, src, &route, twice)
}

/// `ip_route_input_mc`: taken if somebody here has joined the group.
fn multicast<H: Host + ?Sized>(host: &H, q: &Query, link: &Link, src: Ipv4Addr, twice: bool) -> Result<Outcome, Why> {
    let joined = match host.proc_net("igmp") {
        Fact::Is(text) => igmp_has(&text, link, q.dst),
        Fact::Absent => false,
        Fact::Unknown(why) => return Err(why),
    };
    if !joined {
        let shown = Refusal::new(Cause::NotJoined).because("/proc/net/igmp", format!("no {} on {}", q.dst, link.name));
        return Ok(Outcome::refused(shown));
    }
    if src.is_multicast() || src.is_broadcast() {
        return Ok(Outcome::refused(Refusal::new(Cause::MartianSource).because("source", src.to_string())));
    }
    if src.is_loopback() {
        let localnet = larger(host, "ipv4", link, "route_localnet")?;
        if !localnet.is_on() {
            let refusal = Refusal::setting(Cause::RouteLocalnet, localnet, "1");
            return Ok(Outcome::refused(refusal.because(format!("source {src}"), "a loopback address")));
        }
    }
    let route = Route::bare(RouteKind::Multicast, q.dst);
    if src.is_unspecified() {
        // DHCP and the like: to groups of this link only, but for IGMP.
        let this_link = matches!(q.dst, IpAddr::V4(d) if d.octets()[..3] == [224, 0, 0]);
        if this_link || q.protocol == Some(2) {
            return Ok(Outcome::Local(Way::of(&route)));
        }
        return Ok(Outcome::refused(Refusal::new(Cause::MartianSource).because("source", src.to_string())));
    }
    validated(host, q, link, src, &route, twice)
}

/// Is the group in the list of that interface? Groups stand below their interface, in hexadecimal, in memory order.
fn igmp_has(text: &str, link: &Link, group: IpAddr) -> bool {
    let IpAddr::V4(group) = group else { return false };
    let wanted = format!("{:08X}", u32::from_ne_bytes(group.octets()));
    let mut here = false;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        if line.starts_with(|c: char| c.is_ascii_digit()) {
            here = words.next().and_then(|w| w.parse().ok()) == Some(link.index);
        } else if here && words.next() == Some(&wanted) {
            return true;
        }
    }
    false
}

/// `fib_validate_source`: would an answer go back by where the packet came from?
fn validated<H: Host + ?Sized>(
    host: &H,
    q: &Query,
    link: &Link,
    src: Ipv4Addr,
    route: &Route,
    twice: bool,
) -> Result<Outcome, Why> {
    // Where it would be forwarded.
    let oif = route.oif().filter(|_| route.kind == RouteKind::Unicast);
    let outcome = Outcome::of(route);
    // The way back is looked for as if by the device that it would leave by: which one that is, a hash of the packet says.
    let elsewhere = route.hops.iter().any(|h| h.oif != oif);
    if oif.is_some() && elsewhere && rules(host)?.iter().any(|r| r.iif.is_some()) {
        return Err("which of several next hops it would take".into());
    }
    let filter = larger(host, "ipv4", link, "rp_filter")?;
    let accept_local = larger(host, "ipv4", link, "accept_local")?;
    if filter.value == 0 {
        let back_the_same_way = oif == Some(link.index) && larger(host, "ipv4", link, "send_redirects")?.is_on();
        if !back_the_same_way && accept_local.is_on() {
            return Ok(outcome);
        }
        if !back_the_same_way && !twice {
            let own = addresses(host)?.iter().any(|a| a.local.addr == IpAddr::V4(src));
            return Ok(if own { Outcome::refused(own_source(&accept_local, src)) } else { outcome });
        }
    }
    // The answer's packet, as the kernel makes it up: source and destination swapped, the mark only if it is told to.
    let mark = if matches!(q.mark, Fact::Is(0) | Fact::Absent) {
        Fact::Is(0)
    } else if larger(host, "ipv4", link, "src_valid_mark")?.is_on() {
        q.mark.clone()
    } else {
        Fact::Is(0)
    };
    let l4 = match q.l4 {
        crate::sys::ct::L4::Ports { src, dst } => crate::sys::ct::L4::Ports { src: dst, dst: src },
        l4 => l4,
    };
    // To a broadcast or multicast address there is no answer to come from it.
    let back_src = if oif.is_none() && route.kind != RouteKind::Local { Ipv4Addr::UNSPECIFIED.into() } else { q.dst };
    let back = Query { src: back_src, dst: src.into(), l4, mark, uid: Fact::Is(0), ..q.clone() };
    let back_iif = match oif {
        Some(oif) => host.link(oif).known(),
        None => None,
    };
    let found = resolve(host, &back, back_iif.as_ref())?;
    let shown = |r: Refusal| Ok(Outcome::refused(r.because(route_to(src.into()), describe_found(host, &found))));

    let uses_link = match &found {
        Found::Route(back) => match back.kind {
            RouteKind::Unicast => back.hops.iter().any(|h| h.oif == Some(link.index)),
            RouteKind::Local if accept_local.is_on() => back.hops.iter().any(|h| h.oif == Some(link.index)),
            RouteKind::Local => return shown(own_source(&accept_local, src)),
            _ if found.errno().is_some() => false,
            _ => return shown(Refusal::new(Cause::MartianSource)),
        },
        _ => false,
    };
    if filter.value == 0 || uses_link {
        return Ok(outcome);
    }
    let unanswerable =
        found.errno().is_some() || !addresses(host)?.iter().any(|a| a.index == link.index && a.local.addr.is_ipv4());
    if filter.value != 1 && !unanswerable {
        return Ok(outcome); // loose: any way back will do
    }
    let wanted = if unanswerable { "0" } else { "2" };
    let refusal = Refusal::setting(Cause::ReversePath, filter, wanted);
    shown(refusal.because(format!("came in by {}", link.name), src.to_string()))
}

/// A packet from one of our own addresses did not come from us.
fn own_source(accept_local: &sysctl::Setting, src: Ipv4Addr) -> Refusal {
    let refusal = Refusal::setting(Cause::OwnSource, accept_local.clone(), "1");
    refusal.because(format!("source {src}"), "an address of this host")
}

fn rules<H: Host + ?Sized>(host: &H) -> Result<Rc<[Rule]>, Why> {
    match host.rules(false) {
        Fact::Is(all) => Ok(all),
        Fact::Absent => Ok([].into()),
        Fact::Unknown(why) => Err(why),
    }
}

fn addresses<H: Host + ?Sized>(host: &H) -> Result<Rc<[Address]>, Why> {
    match host.addresses() {
        Fact::Is(all) => Ok(all),
        Fact::Absent => Ok([].into()),
        Fact::Unknown(why) => Err(why),
    }
}

pub(super) fn route_to(addr: IpAddr) -> String {
    format!("route to {addr}")
}

fn describe_found<H: Host + ?Sized>(host: &H, found: &Found) -> String {
    match found {
        Found::Route(route) if found.errno().is_none() => describe(host, route),
        found => found.describe(),
    }
}

/// A route for people: `192.0.2.0/24 via 10.0.0.1 dev eth1`.
pub(super) fn describe<H: Host + ?Sized>(host: &H, route: &Route) -> String {
    let mut text = match route.kind {
        RouteKind::Unicast => route.dst.to_string(),
        kind => format!("{kind} {}", route.dst),
    };
    for hop in &route.hops {
        if let Some(gateway) = hop.gateway {
            text += &format!(" via {gateway}");
        }
        if let Some(oif) = hop.oif {
            let name = host.link(oif).known().map_or_else(|| format!("if{oif}"), |l| l.name.to_string());
            text += &format!(" dev {name}");
        }
    }
    text
}
