//! `NB0201`: the answers to what this host begins are thrown away.

use super::mended;
use crate::blame::{Culprit, CulpritKind, Verdict};
use crate::evaluate::Place;
use crate::evaluate::packet::CtState;
use crate::explain::{Explained, Question};
use crate::finding::code::Code;
use crate::finding::probe::{self, Peer, Ports, TCP, UDP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;

pub(super) const CODE: Code = Code {
    id: "NB0201",
    title: "answers to connections of this host are dropped",
    severity: Severity::Error,
    meaning: "the rules let this host begin connections, and no rule accepts the packets that come back",
    page: include_str!("../../../docs/findings/NB0201.md"),
    check,
    why: Some(why),
};

/// What hosts do: a page, a name, a package from a mirror. The ports are those of the server and of this host.
const SAMPLES: [Ports; 3] = [(TCP, 443, 45678), (UDP, 53, 45679), (TCP, 80, 45680)];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for v6 in [false, true] {
        let mut lost: Vec<(Ports, &Peer, Place)> = Vec::new();
        let peers: Vec<&Peer> = view.peers().iter().filter(|p| p.own.is_ipv6() == v6).collect();
        let mut asked = 0;
        for sample in SAMPLES {
            for &peer in &peers {
                let Some(sent) = probe::leaving(peer, sample, CtState::New).and_then(|q| view.ask(&q)) else {
                    continue;
                };
                if !may_begin(&sent) {
                    continue;
                }
                let answer = probe::arriving(peer, sample, CtState::Established).and_then(|q| view.ask(&q));
                let Some(answer) = answer else { continue };
                asked += 1;
                lost.extend(probe::stopped_at(&answer).map(|at| (sample, peer, at)));
            }
        }
        // One that passes shows a rule for answers, or rules that are meant to be narrow.
        if asked > 0 && asked == lost.len() {
            let answers: Vec<Question> = lost
                .iter()
                .filter_map(|(sample, peer, _)| probe::arriving(peer, *sample, CtState::Established))
                .collect();
            let fix = mended(view, &answers, v6);
            found
                .extend(lost.first().map(|(sample, peer, at)| finding(view, *sample, peer, *at)).map(|f| f.fixes(fix)));
        } else if let Some(f) = datagrams(view, &peers, &lost) {
            found.push(f);
        }
    }
}

/// Answers over TCP are let in by their flags, as rules without connection tracking do, and those over UDP by nothing.
fn datagrams(view: &View<'_>, peers: &[&Peer], lost: &[(Ports, &Peer, Place)]) -> Option<Finding> {
    let udp = lost.iter().filter(|((protocol, ..), ..)| *protocol == UDP);
    let (sample, peer, at) = udp.clone().next()?;
    // Whoever lets some in has named them.
    if udp.count() != peers.len() || lost.iter().any(|((protocol, ..), ..)| *protocol == TCP) {
        return None;
    }
    let answers: Vec<Question> =
        peers.iter().filter_map(|peer| probe::arriving(peer, *sample, CtState::Established)).collect();
    let fix = mended(view, &answers, peer.own.is_ipv6());
    let finding = finding(view, *sample, peer, *at).severity(Severity::Warning);
    Some(finding.possible("a rule may let in the answers of the one name server that is asked").fixes(fix))
}

fn finding(view: &View<'_>, (protocol, theirs, ours): Ports, peer: &Peer, at: Place) -> Finding {
    let family = if peer.own.is_ipv6() { "IPv6" } else { "IPv4" };
    let name = if protocol == TCP { "tcp" } else { "udp" };
    CODE.finding(format!("this host may begin {family} connections, and the answers are dropped at the input hook"))
        .rule(view.rule(at).label("the answers end here").verdict())
        .seen(
            "simulation",
            format!("{name} {}:{theirs} > {}:{ours}, established, in {}: dropped", peer.remote, peer.own, peer.link),
        )
}

/// Does the packet get out, or fail at something that no rule is to blame for?
fn may_begin(sent: &Explained) -> bool {
    probe::stopped_at(sent).is_none() && sent.blame.verdict != Verdict::Unknown
}

/// The packet belongs to a connection, or looks like an answer, and the rules stop it as they would a stranger's.
fn why(case: &Case<'_, '_>) -> Option<String> {
    let Culprit { kind, .. } = case.culprit();
    let stopped = matches!(kind, CulpritKind::Rule | CulpritKind::Policy);
    (stopped && case.is_of_connection()).then(|| {
        "it belongs to a connection that was let through, and no rule before lets packets of such connections pass"
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn a_policy_of_drop_without_established_is_found_and_with_it_is_not() {
        let host = testing::server();
        assert_eq!(testing::find(&CODE, &testing::input("drop", ""), &host).len(), 1);
        assert_eq!(testing::find(&CODE, &testing::input("accept", ""), &host), []);
        assert_eq!(testing::find(&CODE, &testing::input("drop", "established"), &host), []);
    }
}
