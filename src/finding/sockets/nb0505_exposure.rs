//! `NB0505`: what can be reached from beyond the default route.

use std::collections::{BTreeMap, BTreeSet};

use super::{ephemeral, name};
use crate::blame::Confidence;
use crate::evaluate::packet::CtState;
use crate::finding::code::Code;
use crate::finding::probe::{self, TCP, UDP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::sys::diag::{InetSocket, Protocol};

pub(super) const CODE: Code = Code {
    id: "NB0505",
    title: "services that can be reached from beyond the default route",
    severity: Severity::Note,
    meaning: "a summary: which sockets the rules let everybody reach",
    page: include_str!("../../../docs/findings/NB0505.md"),
    check,
    why: None,
};

/// The port that a client may have.
const THEIRS: u16 = 45678;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let mut open: BTreeMap<(u8, u16), BTreeSet<&'static str>> = BTreeMap::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let Some(sockets) = view.host.listeners(protocol, 0).known() else { continue };
        let ephemeral = ephemeral(view);
        for s in sockets.iter().filter(|s| protocol == Protocol::Tcp || s.port < ephemeral) {
            for family in reached(view, s, protocol.number()) {
                open.entry((protocol.number(), s.port)).or_default().insert(family);
            }
        }
    }
    if open.is_empty() {
        return;
    }
    let list = |wanted: u8| {
        let ports: Vec<String> = open.keys().filter(|(p, _)| *p == wanted).map(|(_, port)| port.to_string()).collect();
        (!ports.is_empty()).then(|| format!("{} {}", name(wanted), ports.join(", ")))
    };
    let all: Vec<String> = [TCP, UDP].into_iter().filter_map(list).collect();
    let mut finding = CODE.finding(format!("anybody may reach {}", all.join("; ")));
    for ((protocol, port), families) in &open {
        let families: Vec<&str> = families.iter().copied().collect();
        finding = finding.seen("simulation", format!("{} port {port}: {}", name(*protocol), families.join(" and ")));
    }
    found.push(finding.note("addresses in between (NAT, a provider's filter) may keep them out all the same"));
}

/// By which protocol a socket is certainly reached from beyond the default route.
fn reached(view: &View<'_>, s: &InetSocket, protocol: u8) -> Vec<&'static str> {
    let beyond = view.peers().iter().filter(|p| !p.on_link && s.takes(p.own) == Some(true));
    let passes = beyond.filter(|peer| {
        let q = probe::arriving(peer, (protocol, THEIRS, s.port), CtState::New);
        let answer = q.and_then(|q| view.ask(&q));
        answer.is_some_and(|a| a.passes() && a.blame.confidence == Confidence::Certain)
    });
    passes.map(|p| if p.own.is_ipv4() { "IPv4" } else { "IPv6" }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn only_what_gets_through_from_beyond_is_listed() {
        let mut host = testing::behind_router();
        host.listen(Protocol::Tcp, [0; 4].into(), 22).listen(Protocol::Tcp, [127, 0, 0, 1].into(), 5432);
        let found = testing::find(&CODE, &testing::input("accept", ""), &host);
        assert_eq!(found.first().map(|f| f.message.as_str()), Some("anybody may reach tcp 22"));
        assert_eq!(testing::find(&CODE, &testing::input("drop", ""), &host), []);
    }
}
