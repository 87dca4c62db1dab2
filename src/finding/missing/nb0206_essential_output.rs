//! `NB0206`: this host may not ask for what nearly every host needs.

use crate::blame::{Culprit, PacketFields};
use crate::evaluate::packet::CtState;
use crate::evaluate::{Packet, Place};
use crate::explain::{Question, Side};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::probe::{self, Peer, Ports, TCP, UDP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::fix::{NewRule, let_pass};

pub(super) const CODE: Code = Code {
    id: "NB0206",
    title: "the rules keep this host from names, time or updates",
    severity: Severity::Note,
    meaning: "the output hook drops what nearly every host asks of others: names, the time, packages",
    page: include_str!("../../../docs/findings/NB0206.md"),
    check,
    why: Some(why),
};

/// What hosts ask for. The second port is that of this host.
const NEEDS: [(&str, &str, Ports); 5] = [
    ("names", "udp port 53", (UDP, 53, 45678)),
    ("long answers of name servers", "tcp port 53", (TCP, 53, 45678)),
    ("the time", "udp port 123", (UDP, 123, 45678)),
    ("packages and pages", "tcp port 443", (TCP, 443, 45678)),
    ("package mirrors", "tcp port 80", (TCP, 80, 45678)),
];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for v6 in [false, true] {
        let peers: Vec<&Peer> = view.peers().iter().filter(|p| p.own.is_ipv6() == v6).collect();
        // A server for it may be near or far: only what may go nowhere is told.
        let lost: Vec<(&str, &str, Ports, Place)> = NEEDS
            .iter()
            .filter_map(|(what, name, ports)| Some((*what, *name, *ports, stopped(view, &peers, *ports)?)))
            .collect();
        let Some((.., at)) = lost.first() else { continue };
        let family = if v6 { "IPv6" } else { "IPv4" };
        let what: Vec<String> = lost.iter().map(|(what, name, ..)| format!("{what} ({name})")).collect();
        found.push(
            CODE.finding(format!("this host may not ask anybody over {family} for {}", what.join(", ")))
                .rule(view.rule(*at).label(format!("packets to {} end here", lost[0].1)).verdict())
                .seen(
                    "simulation",
                    format!(
                        "new, to each network around this host and beyond: dropped at {} of {} ports",
                        lost.len(),
                        NEEDS.len()
                    ),
                )
                .note("nothing is wrong if this host is meant to do without")
                .fixes(allowed(view, &peers, &lost)),
        );
    }
}

/// Rules that let all of it out, and the answers in.
fn allowed(view: &View<'_>, peers: &[&Peer], lost: &[(&str, &str, Ports, Place)]) -> Option<Fix> {
    let peer = peers.first()?;
    let asked = lost.iter().filter_map(|(_, _, ports, _)| probe::leaving(peer, *ports, CtState::New));
    let answers = lost.iter().filter_map(|(_, _, ports, _)| probe::arriving(peer, *ports, CtState::Established));
    let packets: Vec<Question> = asked.chain(answers).collect();
    let_pass(view.rules, view.host, &packets, |q, _| {
        let (packet, v6) = (Packet::new(q.network, q.bytes.clone()), peer.own.is_ipv6());
        match q.side {
            Side::Out => {
                let (protocol, dport) = (packet.headers().protocol, PacketFields::of(&packet).destination_port);
                NewRule { v6, protocol, dport, ..NewRule::default() }
            }
            _ => NewRule { v6, established: true, ..NewRule::default() },
        }
    })
}

/// Where all such packets end. None: some get out.
fn stopped(view: &View<'_>, peers: &[&Peer], ports: Ports) -> Option<Place> {
    let ends = |peer: &&Peer| probe::stopped_at(&view.ask(&probe::leaving(peer, ports, CtState::New)?)?);
    let all: Option<Vec<Place>> = peers.iter().map(ends).collect();
    all?.first().copied()
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let Culprit { kind, .. } = case.culprit();
    let p = &case.explained.blame.packet;
    let by_rules = matches!(kind, crate::blame::CulpritKind::Rule | crate::blame::CulpritKind::Policy);
    let port = p.destination_port?;
    let (what, ..) = NEEDS
        .iter()
        .find(|(_, name, _)| Some(*name) == p.transport.as_deref().map(|t| format!("{t} port {port}")).as_deref())?;
    (by_rules && p.hook == Some("output")).then(|| format!("this host asks for {what}, and its own rules stop it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::{BaseChain, Family, Hook, Verdict};

    #[test]
    fn an_output_hook_that_drops_is_found_and_told_once_a_family() {
        let host = testing::behind_router();
        let output = |policy| {
            let base = BaseChain { policy, ..BaseChain::filter(Hook::Output, 0) };
            testing::with(testing::table(Family::Inet, "output", Some(base), Vec::new()))
        };
        let found = testing::find(&CODE, &output(Verdict::Drop), &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("names (udp port 53)"), "{}", found[0].message);
        assert_eq!(testing::find(&CODE, &output(Verdict::Accept), &host), []);
    }
}
