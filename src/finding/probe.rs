//! Sample packets: what would become of the traffic that a host usually has?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::view::View;
use crate::blame::CulpritKind;
use crate::evaluate::environment::FibQuery;
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::{Fate, Run, Step};
use crate::evaluate::{Decision, Fact, Place};
use crate::explain::{Craft, Explained, Question, Side};
use crate::sys::Text;
use crate::sys::rt::Prefix;

/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
/// `RTN_UNICAST`
const UNICAST: u8 = 1;

/// Somebody with whom this host may talk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The interface in between.
    pub link: Text,
    /// This host's address there.
    pub own: IpAddr,
    /// An address of the other side that has no meaning of its own.
    pub remote: IpAddr,
    /// Is it the network of the interface itself? Otherwise it is what the default route leads to.
    pub on_link: bool,
}

impl Peer {
    /// Where it is, for people.
    pub fn place(&self) -> String {
        if self.on_link {
            format!("the network of {}", self.link)
        } else {
            format!("beyond the default route by {}", self.link)
        }
    }
}

/// An address of each family that is reached by the default route, if by anything.
pub const WORLD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14)),
    IpAddr::V6(Ipv6Addr::new(0x2606, 0x2800, 0x21f, 0xcb07, 0, 0, 0, 0x14)),
];

/// The networks around this host: one peer in each network of an interface, and one behind the default route of each
/// family.
pub fn peers(view: &View<'_>) -> Vec<Peer> {
    let (Fact::Is(links), Fact::Is(addresses)) = (view.host.links(), view.host.addresses()) else { return Vec::new() };
    let up = |index: u32| {
        links
            .iter()
            .find(|l| l.index == index && !l.is_loopback())
            .filter(|l| l.flags.contains(crate::sys::rt::LinkFlags::UP))
    };
    let mut all: Vec<Peer> = Vec::new();
    let usable = |a: &&crate::sys::rt::Address| !a.is_tentative() && !is_link_local(a.local.addr);
    for a in addresses.iter().filter(usable) {
        let Some(link) = up(a.index) else { continue };
        let remote = a.peer.or_else(|| neighbour(a.local));
        all.extend(remote.map(|remote| Peer { link: link.name.clone(), own: a.local.addr, remote, on_link: true }));
    }
    for remote in WORLD {
        let way = view.env.fib(&FibQuery { to: remote, from: None, oif: None, iif: None, mark: 0, tos: 0 });
        let Fact::Is(way) = way else { continue };
        let Some(link) = up(way.oif).filter(|_| way.kind == UNICAST) else { continue };
        let same = |a: &&crate::sys::rt::Address| a.index == way.oif && a.local.addr.is_ipv4() == remote.is_ipv4();
        let own = way.source.or_else(|| addresses.iter().filter(usable).find(same).map(|a| a.local.addr));
        all.extend(own.map(|own| Peer { link: link.name.clone(), own, remote, on_link: false }));
    }
    all
}

/// Does what this host sends there with its address in the network of a peer leave by that network?
pub fn is_way_out(view: &View<'_>, peer: &Peer, to: IpAddr) -> bool {
    let q = FibQuery { to, from: Some(peer.own), oif: None, iif: None, mark: 0, tos: 0 };
    let (Fact::Is(way), Fact::Is(links)) = (view.env.fib(&q), view.host.links()) else { return false };
    way.kind == UNICAST && links.iter().any(|l| l.index == way.oif && l.name == peer.link)
}

/// Another address of the same network. None: there is none.
fn neighbour(own: Prefix) -> Option<IpAddr> {
    let width = if own.addr.is_ipv4() { 32 } else { 128 };
    let host = width - u32::from(own.len);
    if host == 0 {
        return None;
    }
    // Far from both ends, where routers and broadcasts are; and not the address itself.
    let flip: u128 = if host == 1 { 1 } else { 0b10 };
    Some(match own.addr {
        IpAddr::V4(a) => {
            let other = a.to_bits() ^ flip as u32;
            let low = if host >= 32 { other } else { other & ((1 << host) - 1) };
            let edge = host > 1 && (low == 0 || low == (1u32 << host.min(31)) - 1);
            Ipv4Addr::from_bits(if edge { a.to_bits() ^ 0b11 } else { other }).into()
        }
        IpAddr::V6(a) => Ipv6Addr::from_bits(a.to_bits() ^ flip).into(),
    })
}

fn is_link_local(a: IpAddr) -> bool {
    match a {
        IpAddr::V4(a) => a.is_link_local(),
        IpAddr::V6(a) => a.is_unicast_link_local(),
    }
}

/// Protocol, the peer's port and this host's port.
pub type Ports = (u8, u16, u16);

/// A packet from a peer to this host.
pub fn arriving(peer: &Peer, (protocol, theirs, ours): Ports, state: CtState) -> Option<Question> {
    let q = packet(protocol, (peer.remote, theirs), (peer.own, ours), state)?;
    Some(Question { side: Side::In(peer.link.clone()), ..q })
}

/// A packet from this host to a peer.
pub fn leaving(peer: &Peer, (protocol, theirs, ours): Ports, state: CtState) -> Option<Question> {
    let q = packet(protocol, (peer.own, ours), (peer.remote, theirs), state)?;
    Some(Question { side: Side::Out, ..q })
}

/// A packet between two ends.
pub fn packet(protocol: u8, from: (IpAddr, u16), to: (IpAddr, u16), state: CtState) -> Option<Question> {
    let flags = if state == CtState::New { SYN } else { ACK };
    let craft = Craft { sport: from.1, dport: to.1, flags, ..Craft::new(protocol, from.0, to.0) };
    let (network, bytes) = craft.make().ok()?;
    Some(Question { ct: Some(state), ..Question::new(network, bytes) })
}

impl View<'_> {
    /// What would become of a packet. None: it cannot be told at all.
    pub fn ask(&self, q: &Question) -> Option<Explained> {
        self.explainer().explain(q).ok()
    }
}

/// Is it a rule or policy that ends the packet?
pub fn is_stopped(run: &Run) -> bool {
    matches!(run.fate, Fate::Decided { decision: Decision::Drop | Decision::Reject(_), .. })
}

/// The rule or policy that certainly ends the packet, on every way that is possible. None: it may pass, or something else
/// loses it.
pub fn stopped_at(e: &Explained) -> Option<Place> {
    match &e.walked.runs.first()?.fate {
        Fate::Decided { at, .. } if !e.walked.incomplete && e.walked.runs.iter().all(is_stopped) => Some(*at),
        _ => None,
    }
}

/// An ICMP message to this host or (`Side::Out`) from it. After the fixed header comes `body`.
pub fn icmp(
    side: Side,
    (from, to): (IpAddr, IpAddr),
    kind: (u8, u8),
    body: Vec<u8>,
    state: CtState,
) -> Option<Question> {
    let protocol = if from.is_ipv6() { ICMPV6 } else { ICMP };
    // Neighbour discovery is only believed with a hop limit of 255.
    let craft = Craft { icmp: kind, ttl: 255, payload: Some(body), ..Craft::new(protocol, from, to).plain_icmp() };
    let (network, bytes) = craft.make().ok()?;
    Some(Question { side, ct: Some(state), ..Question::new(network, bytes) })
}

/// "Packet too big" from a router between this host and a peer, about a packet of a connection that this host has.
pub fn too_big(peer: &Peer) -> Option<Question> {
    let (_, lost) = packet(TCP, (peer.own, 45678), (peer.remote, 443), CtState::New).map(|q| (q.network, q.bytes))?;
    let kind = if peer.own.is_ipv6() { (2, 0) } else { (3, 4) };
    icmp(Side::In(peer.link.clone()), (peer.remote, peer.own), kind, lost, CtState::Related)
}

/// Does the packet certainly get as far as the socket that takes it, or that is missing?
pub fn meets_socket(e: &Explained) -> bool {
    let gets_there = |r: &Run| match &r.fate {
        Fate::Delivered(_) => true,
        Fate::Lost(o) => o.kind == CulpritKind::Socket,
        _ => false,
    };
    !e.walked.incomplete && !e.walked.runs.is_empty() && e.walked.runs.iter().all(gets_there)
}

/// The rules that certainly accept the packet.
pub fn accepted_by(e: &Explained) -> Vec<Place> {
    let accepts = |s: &Step| match s {
        Step::Rule { tried, .. } if tried.matched && tried.decision == Decision::Accept => Some(tried.at),
        _ => None,
    };
    match (&e.walked.runs[..], e.walked.incomplete) {
        ([only], false) => only.steps.iter().filter_map(accepts).filter(|at| at.position.is_some()).collect(),
        _ => Vec::new(),
    }
}
