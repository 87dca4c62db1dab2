//! `NB0508`: a rule lets some reach a service, and others who come, or may, are kept out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::{ephemeral, name};
use crate::blame::NearMiss;
use crate::evaluate::Place;
use crate::evaluate::packet::CtState;
use crate::explain::Explainer;
use crate::finding::code::Code;
use crate::finding::probe::{self, Peer};
use crate::finding::report::{Finding, RuleRef, Severity};
use crate::finding::selects::selects;
use crate::finding::view::View;
use crate::sys::diag::Protocol;
use crate::sys::rt::{NeighbourState, Prefix};

pub(super) const CODE: Code = Code {
    id: "NB0508",
    title: "a service is for some clients only, and others are kept out",
    severity: Severity::Note,
    meaning: "a rule opens the port for a range of sources or for one interface, and packets of others end behind it",
    page: include_str!("../../../docs/findings/NB0508.md"),
    check,
    why: None,
};

/// The port that a client may have.
const THEIRS: u16 = 45678;
/// So many neighbours are tried at each service.
const HOSTS: usize = 32;
/// So many clients are named.
const SHOWN: usize = 4;
/// A rule that names more ports is not about one service.
const MOST_PORTS: u32 = 16;

/// Those who are kept out of one service, by the place where they are.
struct Kept {
    near: NearMiss,
    neighbours: BTreeSet<IpAddr>,
    part_of: Option<String>,
}

/// What is known of somebody who may come.
#[derive(Clone, Copy)]
enum Known {
    /// A neighbour, with whom packets were exchanged.
    Neighbour,
    /// Nothing: a sample of a network around this host.
    Sample,
    /// Somewhere in this network of an interface.
    Within(Prefix),
}

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let neighbours = neighbours(view);
    let parts = parts(view);
    let known = neighbours.iter().map(|p| (p, Known::Neighbour));
    let known = known.chain(view.peers().iter().map(|p| (p, Known::Sample)));
    let known: Vec<(&Peer, Known)> = known.chain(parts.iter().map(|(p, n)| (p, Known::Within(*n)))).collect();
    let explainer = std::cell::OnceCell::new();
    let mut all: BTreeMap<(u8, u16, Place), Kept> = BTreeMap::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let Some(sockets) = view.host.listeners(protocol, 0).known() else { continue };
        let ephemeral = ephemeral(view);
        for s in sockets.iter().filter(|s| protocol == Protocol::Tcp || s.port < ephemeral) {
            for (peer, whom) in known.iter().filter(|(p, _)| s.takes(p.own) == Some(true)) {
                let Some(q) = probe::arriving(peer, (protocol.number(), THEIRS, s.port), CtState::New) else {
                    continue;
                };
                let Some(at) = view.ask(&q).as_ref().and_then(probe::stopped_at) else { continue };
                if !tells(view, at, s.port, *whom) {
                    continue;
                }
                let explainer = explainer.get_or_init(|| Explainer::new(view.rules, view.env));
                let misses = explainer.explain(&q).map(|e| e.blame.near_misses).unwrap_or_default();
                let Some(near) = misses.into_iter().find(is_too_narrow) else { continue };
                if let Known::Within(network) = whom
                    && !is_part(&near, network)
                {
                    continue;
                }
                let key = (protocol.number(), s.port, at);
                let kept = all.entry(key).or_insert(Kept { near, neighbours: BTreeSet::new(), part_of: None });
                match whom {
                    Known::Neighbour => drop(kept.neighbours.insert(peer.remote)),
                    Known::Within(network) => kept.part_of = Some(format!("{network}, the network of {}", peer.link)),
                    Known::Sample => {}
                }
            }
        }
    }
    found.extend(all.into_iter().filter_map(|((protocol, port, at), kept)| finding(view, (protocol, port), at, kept)));
}

/// May it be that somebody was kept out there? A neighbour anywhere but where nothing was dropped ever; of others only a
/// rule of that port can tell that they came, or a range that is too small for a network.
fn tells(view: &View<'_>, at: Place, port: u16, whom: Known) -> bool {
    let counted = view.rule(at).entry.counters;
    match (counted, whom) {
        (Some(c), _) if c.packets == 0 => false,
        (Some(_), Known::Sample) => of_port(view, at, port),
        (None, Known::Sample) => false,
        (_, Known::Neighbour | Known::Within(_)) => true,
    }
}

/// Does the rule let in a part of the network, and more than one host of it?
fn is_part(near: &NearMiss, network: &Prefix) -> bool {
    let wanted = near.wanted.as_deref().and_then(|w| w.parse::<Prefix>().ok());
    wanted.is_some_and(|w| w.len > network.len && w != Prefix::host(w.addr) && network.contains(w.addr))
}

/// Addresses in each quarter of the IPv4 networks of the interfaces.
fn parts(view: &View<'_>) -> Vec<(Peer, Prefix)> {
    let Some(addresses) = view.host.addresses().known() else { return Vec::new() };
    let mut all = Vec::new();
    for own in view.peers().iter().filter(|p| p.on_link) {
        let Some(a) = addresses.iter().find(|a| a.local.addr == own.own) else { continue };
        let (IpAddr::V4(v4), 8..=29) = (a.local.addr, a.local.len) else { continue };
        let size = 1u32 << (32 - a.local.len);
        let base = v4.to_bits() & !(size - 1);
        let network = Prefix::new(Ipv4Addr::from_bits(base).into(), a.local.len);
        let remotes = (0..4).map(|quarter| Ipv4Addr::from_bits(base + quarter * (size / 4) + size / 8 + 1));
        let peers = remotes.filter(|r| *r != v4).map(|r| Peer { remote: r.into(), ..own.clone() });
        all.extend(peers.map(|p| (p, network)));
    }
    all
}

fn of_port(view: &View<'_>, at: Place, port: u16) -> bool {
    selects(view.rules, at).is_some_and(|s| s.names_port(port, MOST_PORTS))
}

/// Does the rule accept, but for the source or the interface?
fn is_too_narrow(n: &NearMiss) -> bool {
    let by = n.field.as_deref().unwrap_or_default();
    let alone = !n.message.contains("; ");
    // What this host sends to itself is let in everywhere, and is about no service.
    let lo = n.wanted.as_deref().is_some_and(|w| w.trim_matches('"') == "lo");
    let forwards = ["dnat", "redirect"].contains(&n.action.as_str());
    alone && !lo && !forwards && (by.contains("saddr") || ["-s", "--src-range", "-i", "iif", "iifname"].contains(&by))
}

fn finding(view: &View<'_>, (protocol, port): (u8, u16), at: Place, kept: Kept) -> Option<Finding> {
    let stop = view.rule(at);
    let counted = stop.entry.counters.as_ref().map(|c| c.packets);
    let service = format!("{} port {port}", name(protocol));
    let own = counted.filter(|_| of_port(view, at, port));
    let wanted = kept.near.wanted.as_deref().unwrap_or("those that the rule names").trim_matches('"');
    let message = match (own, kept.neighbours.is_empty()) {
        (Some(1), _) => format!("{service} is open for {wanted} only, and a packet to it ended behind that"),
        (Some(n), _) => format!("{service} is open for {wanted} only, and {n} packets to it ended behind that"),
        (None, false) => format!("{service} is open for {wanted} only, and not for a neighbour of this host"),
        (None, true) => {
            let network = kept.part_of.as_ref()?;
            format!("{service} is open for {wanted} only, and that is a part of {network}")
        }
    };
    let accept = view.place(&kept.near).map(|p| {
        let rule = view.rule(p).label(format!("open for {wanted}"));
        // iptables-nft keeps some conditions as nft has them, and writes them in its own words.
        let field = kept.near.field.as_deref().unwrap_or_default();
        rule.condition(&[field, if field.contains("saddr") { "-s" } else { "-i" }, "--src-range"])
    });
    let ends = |r: RuleRef| r.label("the packets of others end here").verdict();
    let mut finding = CODE.finding(message);
    finding = accept.into_iter().fold(finding, Finding::rule).rule(ends(stop));
    if let Some(n) = counted {
        finding = finding.seen("packets that ended there", n.to_string());
    }
    if !kept.neighbours.is_empty() {
        let names: Vec<String> = kept.neighbours.iter().take(SHOWN).map(IpAddr::to_string).collect();
        let more = match kept.neighbours.len() {
            n if n > SHOWN => format!(" and {} more", n - SHOWN),
            _ => String::new(),
        };
        finding = finding.seen("rtnetlink: neighbours that are kept out", format!("{}{more}", names.join(", ")));
    }
    let client = kept.neighbours.first().map_or_else(|| "CLIENT".to_owned(), IpAddr::to_string);
    Some(
        finding
            .possible("whether they are meant to reach it the rules do not say; if not, all is well")
            .note(format!("for one client: nfblame why {} {client} THIS-HOST:{port}", name(protocol))),
    )
}

/// The hosts on its links that this host has exchanged packets with, routers left out.
fn neighbours(view: &View<'_>) -> Vec<Peer> {
    let (Some(all), Some(addresses)) = (view.host.neighbours().known(), view.host.addresses().known()) else {
        return Vec::new();
    };
    let mut routers: BTreeSet<IpAddr> = BTreeSet::new();
    for v6 in [false, true] {
        let Some(routes) = view.host.all_routes(v6).known() else { continue };
        routers.extend(routes.iter().flat_map(|r| &r.hops).filter_map(|h| h.gateway));
    }
    let met = NeighbourState::REACHABLE | NeighbourState::STALE | NeighbourState::DELAY | NeighbourState::PROBE;
    let peers = all.iter().filter(|n| n.state.intersects(met) && !routers.contains(&n.addr)).filter_map(|n| {
        let own = addresses.iter().find(|a| a.index == n.index && a.local.contains(n.addr))?.local.addr;
        let link = view.host.link(n.index).known()?.name.clone();
        Some(Peer { link, own, remote: n.addr, on_link: true })
    });
    peers.take(HOSTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::expr::{Cmp, CmpOp, Meta, MetaKey};
    use crate::sys::nft::{Data, Expr, Reg};
    use crate::sys::rt::Neighbour;

    #[test]
    fn a_neighbour_at_another_interface_is_told_and_a_router_is_not() {
        let mut rules = testing::accepting(8080);
        let name = Data::new(b"lan\0\0\0\0\0\0\0\0\0\0\0\0\0");
        let only: [Expr; 2] = [
            Meta { key: MetaKey::Iifname, dreg: Reg::R1 }.into(),
            Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: name }.into(),
        ];
        let mut host = testing::router();
        host.listen(Protocol::Tcp, [0; 4].into(), 8080);
        let n = |last: u8| Neighbour {
            index: 2,
            addr: [192, 0, 2, last].into(),
            state: NeighbourState::STALE,
            lladdr: None,
            flags: 0,
            probes: 0,
        };
        host.neighbours = vec![n(7)];
        assert_eq!(testing::find(&CODE, &rules, &host), [], "open for all");
        rules.nft[0].chains[0].rules[0].exprs.splice(0..0, only);
        let told = testing::find(&CODE, &rules, &host);
        assert_eq!(told.len(), 1);
        assert!(told[0].message.contains("open for lan only"), "{}", told[0].message);
        host.neighbours = vec![n(254)];
        assert_eq!(testing::find(&CODE, &rules, &host), [], "a router");
    }
}
