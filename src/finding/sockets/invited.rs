//! Ports of this host to which rules invite others by name, and what becomes of those who come.

use std::collections::BTreeMap;

use crate::analysis::What;
use crate::blame::CulpritKind;
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::{Fate, Step};
use crate::evaluate::{Hook, Place};
use crate::finding::act::{self, Act};
use crate::finding::forwards::{self, to_here};
use crate::finding::probe::{self, Peer, TCP, UDP};
use crate::finding::selects::{NEW, selects};
use crate::finding::view::View;

/// A rule that names more ports than this means a range, not services.
const MOST_PORTS: u32 = 16;
/// So many invitations are looked at.
const MOST: usize = 2000;
/// The port that a client may have.
const THEIRS: u16 = 45678;

/// An invitation that leads to no socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vain {
    /// The rule that invites.
    pub at: Place,
    /// It translates the destination to this host.
    pub translated: bool,
    /// TCP or UDP.
    pub protocol: u8,
    /// The port that clients use.
    pub port: u16,
    /// The port behind translation.
    pub own_port: u16,
    /// What the kernel would say: `no listener`, `bound to 127.0.0.1`.
    pub detail: String,
}

/// All that lead to no socket, whoever comes.
pub(super) fn in_vain(view: &View<'_>) -> Vec<Vain> {
    let mut all: BTreeMap<(u8, u16), Vain> = BTreeMap::new();
    for (at, translated, protocol, port) in invitations(view) {
        if all.contains_key(&(protocol, port)) {
            continue;
        }
        if let Some(vain) = leads_nowhere(view, (at, translated), (protocol, port)) {
            all.insert((protocol, port), vain);
        }
    }
    all.into_values().collect()
}

/// Rules that accept, or translate to this host, a few ports by name.
fn invitations(view: &View<'_>) -> Vec<(Place, bool, u8, u16)> {
    let mut all = Vec::new();
    for family in ["ip", "ip6"] {
        for chain in view.chains_at(family, Hook::Input) {
            act::each(view.rules, chain, |at, acts| {
                let Some(s) = selects(view.rules, at).filter(|_| acts.contains(&Act::Accept)) else { return };
                let (Some(protocol @ (TCP | UDP)), true) = (s.protocol, s.states.is_none_or(|s| s & NEW != 0)) else {
                    return;
                };
                all.extend(few(&s.ports).map(|port| (at, false, protocol, port)));
            });
        }
    }
    let ways = view.translations();
    for way in to_here(view).take(forwards::MOST) {
        for packets in &way.packets {
            let asked = |what| ways.axes.asked(packets, &what);
            let one = asked(What::Protocol).and_then(|p| u8::try_from(p.low()?).ok().filter(|_| p.low() == p.high()));
            let (Some(protocol @ (TCP | UDP)), Some(ports)) = (one, asked(What::DestinationPort)) else { continue };
            let port = |n| u16::try_from(n).unwrap_or(u16::MAX);
            let ports: Vec<_> = ports.iter().map(|(low, high)| (port(low), port(high))).collect();
            all.extend(few(&ports).map(|port| (way.at, true, protocol, port)));
        }
    }
    all.sort_unstable();
    all.dedup();
    all.truncate(MOST);
    all
}

/// The ports of these ranges, if they are few enough to be services.
fn few(ranges: &[(u16, u16)]) -> impl Iterator<Item = u16> {
    let wide: u32 = ranges.iter().map(|(a, b)| u32::from(b.saturating_sub(*a)) + 1).sum();
    ranges.iter().filter(move |_| wide <= MOST_PORTS).flat_map(|(a, b)| *a..=*b)
}

fn leads_nowhere(view: &View<'_>, (at, translated): (Place, bool), (protocol, port): (u8, u16)) -> Option<Vain> {
    let mut found = None;
    for peer in view.peers() {
        match fate(view, peer, at, (protocol, port)) {
            Some(Ok((detail, own_port))) => {
                found.get_or_insert(Vain { at, translated, protocol, port, own_port, detail });
            }
            // Somebody is served, or what would become of them is not known.
            Some(Err(())) => return None,
            None => {}
        }
    }
    found
}

/// What becomes of a peer's packet. None: it does not come by that rule. Else what the kernel says about the missing
/// socket and the port it would have, or an error if it is not lost for want of a socket.
fn fate(view: &View<'_>, peer: &Peer, at: Place, (protocol, port): (u8, u16)) -> Option<Result<(String, u16), ()>> {
    let q = probe::arriving(peer, (protocol, THEIRS, port), CtState::New)?;
    let answer = view.ask(&q)?;
    let by = |s: &Step| matches!(s, Step::Rule { tried, .. } if tried.at == at && tried.matched);
    let run = answer.walked.runs.iter().find(|r| r.steps.iter().any(by))?;
    let own_port = run.packet.ports().map_or(port, |(_, p)| p);
    let [_] = answer.walked.runs.as_slice() else { return Some(Err(())) };
    Some(match &run.fate {
        Fate::Lost(o) if o.kind == CulpritKind::Socket && o.unless.is_none() => {
            Ok((o.detail.clone().unwrap_or_default(), own_port))
        }
        _ => Err(()),
    })
}
