//! Where routing sends a packet, and if nowhere, what decides so.
//!
//! The kernel's own lookup (`RTM_GETROUTE` with the packet's source, interface, mark and ports) is the authority. When
//! it refuses, one errno stands for many causes, so the input path (`ip_route_input_slow`, `fib_validate_source` of
//! net/ipv4) is walked again here on rules, tables and settings, and only a cause that fits the errno is named.

mod dead_end;
mod fib;
mod input4;
mod input6;
mod leave;
mod output;

use std::net::IpAddr;
use std::rc::Rc;

use serde::Serialize;

use super::facts::Host;
use super::query::Query;
use super::refusal::Refusal;
use super::sysctl::{Why, number};
use crate::evaluate::Fact;
use crate::sys::ct::L4;
use crate::sys::rt::{Lookup, Route, RouteKind};

pub use fib::{Found, resolve};
pub use leave::{forward, leave};
pub use output::output;

/// The way that routing chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The kind of route.
    pub kind: RouteKind,
    /// The interface it leaves by; for a packet to this host the one that takes it.
    pub oif: u32,
    /// The router; None: the destination is a neighbour.
    pub gateway: Option<IpAddr>,
    /// The source address for packets that have none.
    pub prefsrc: Option<IpAddr>,
    /// The table that decided.
    pub table: u32,
    /// The MTU of the route, where it has one of its own, or a smaller one was learned.
    pub mtu: Option<u32>,
    /// May nothing learned on the way change it (`mtu lock`)?
    pub mtu_locked: bool,
    /// The realm.
    pub realm: Option<u32>,
}

impl Way {
    /// The first way of a route.
    pub fn of(route: &Route) -> Self {
        Self {
            kind: route.kind,
            oif: route.oif().unwrap_or(0),
            gateway: route.gateway(),
            prefsrc: route.prefsrc,
            table: route.table,
            mtu: route.mtu,
            mtu_locked: route.mtu_locked,
            realm: route.realm,
        }
    }

    /// Who has to be reached on the link: the router, or the destination itself.
    pub fn next_hop(&self, dst: IpAddr) -> IpAddr {
        self.gateway.unwrap_or(dst)
    }
}

/// Where routing sends a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// To this host.
    Local(Way),
    /// Out by an interface; a packet that came in is forwarded.
    Onward(Way),
    /// Nowhere.
    Refused(Box<Refusal>),
    /// Not known, and why.
    Unknown(Why),
}

impl Outcome {
    fn refused(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }

    /// The interface that it leaves by.
    fn oif(&self) -> Option<u32> {
        match self {
            Self::Local(way) | Self::Onward(way) => Some(way.oif),
            Self::Refused(_) | Self::Unknown(_) => None,
        }
    }

    /// From a route that was found.
    fn of(route: &Route) -> Self {
        let way = Way::of(route);
        match route.kind {
            RouteKind::Unicast => Self::Onward(way),
            RouteKind::Local | RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast => Self::Local(way),
            kind => Self::Unknown(format!("a route of kind {kind}").into()),
        }
    }
}

/// Where routing sends a packet that came in by [`Query::iif`].
pub fn input<H: Host + ?Sized>(host: &H, q: &Query) -> Outcome {
    let link = match host.link(q.iif) {
        Fact::Is(link) => link,
        Fact::Absent => return Outcome::Unknown(format!("interface {} has gone", q.iif).into()),
        Fact::Unknown(why) => return Outcome::Unknown(why),
    };
    if link.is_loopback() {
        // What comes out of the loopback was routed when it was sent, and keeps that route.
        return output(host, &Query { iif: 0, ..q.clone() });
    }
    let unseen;
    let q = if q.hidden && !q.is_v6() {
        unseen = Query { l4: L4::None, ..q.clone() };
        &unseen
    } else {
        q
    };
    let decided = if q.is_v6() { input6::decide(host, q, &link) } else { input4::decide(host, q, &link) };
    decided.unwrap_or_else(Outcome::Unknown)
}

/// Asks the kernel, if there is one to ask. Questions about a protocol that the kernel cannot be asked about
/// (it would take it for UDP) are only put where no rule looks at protocols.
fn ask<H: Host + ?Sized>(host: &H, q: &Query) -> Result<Option<Result<Rc<Route>, i32>>, Why> {
    let family = if q.is_v6() { libc_family(true) } else { libc_family(false) };
    let selects = |test: &dyn Fn(&crate::sys::rt::Rule) -> bool| match host.rules(q.is_v6()) {
        Fact::Is(rules) => Ok(rules.iter().any(test)),
        Fact::Absent => Ok(false),
        Fact::Unknown(why) => Err(why),
    };
    let known = q.protocol.is_some_and(|p| Lookup::knows_protocol(family, p)) && !(q.is_v6() && q.hidden);
    if !known && selects(&|r| r.is_about_transport())? {
        return Err("routing rules that look at protocol or ports".into());
    }
    let mark = match &q.mark {
        Fact::Is(mark) => *mark,
        Fact::Absent => 0,
        Fact::Unknown(why) if selects(&|r| r.mark.is_some())? => return Err(why.clone()),
        Fact::Unknown(_) => 0,
    };
    let uid = match &q.uid {
        // What comes in is root's to the rules of routing; asked about IPv6, the kernel takes it for nobody's.
        _ if q.iif != 0 && q.is_v6() => Some(0),
        Fact::Is(uid) => Some(*uid),
        Fact::Unknown(why) if q.iif == 0 && selects(&|r| r.uid.is_some())? => return Err(why.clone()),
        _ => None,
    };
    let (sport, dport) = q.ports().map_or((None, None), |(s, d)| (Some(s), Some(d)));
    let question = Lookup {
        // A source that is not set yet is chosen by the route.
        src: Some(q.src).filter(|s| q.iif != 0 || !s.is_unspecified()),
        iif: q.iif,
        oif: q.oif,
        mark,
        uid,
        tos: q.tos,
        protocol: q.protocol,
        sport,
        dport,
        ..Lookup::to(q.dst)
    };
    match host.lookup(&question) {
        Fact::Is(Ok(route)) => {
            if let Fact::Is(Ok(whole)) = host.lookup(&Lookup { fib_match: true, ..question })
                && whole.hops.len() > 1
                && whole.hops.iter().any(|h| h.oif != route.oif())
                && !chosen_alike(host, q)?
            {
                return Err("which of several next hops is chosen".into());
            }
            Ok(Some(Ok(route)))
        }
        Fact::Is(answer) => Ok(Some(answer)),
        Fact::Absent => Ok(None),
        Fact::Unknown(why) => Err(why),
    }
}

/// Does the kernel choose among several next hops for the packet as it does for the question about it
/// (`fib_multipath_hash`)? IPv6 goes by the flow label, too, which cannot be asked with; where ports count, the device's own
/// hash may do so for what comes in, and what is routed again in the output hook has none (`ip_route_me_harder`); for ICMP
/// errors, the packet that they quote counts.
fn chosen_alike<H: Host + ?Sized>(host: &H, q: &Query) -> Result<bool, Why> {
    if q.is_v6() {
        return Ok(false);
    }
    let error = matches!((q.protocol, q.l4), (Some(1), L4::Icmp { kind: 3..=5 | 11 | 12, .. }));
    Ok(!error && !number(host, "net.ipv4.fib_multipath_hash_policy".into())?.is_on())
}

/// `AF_INET6` or `AF_INET`.
fn libc_family(v6: bool) -> u8 {
    (if v6 { nix::libc::AF_INET6 } else { nix::libc::AF_INET }) as u8
}
