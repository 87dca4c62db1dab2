//! `NB0202`: programs of this host cannot talk to each other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::evaluate::packet::CtState;
use crate::evaluate::{Fact, Hook, Place};
use crate::explain::{Question, Side};
use crate::finding::code::Code;
use crate::finding::probe::{self, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::fix::{NewRule, let_pass};
use crate::sys::rt::LinkFlags;

pub(super) const CODE: Code = Code {
    id: "NB0202",
    title: "the rules drop packets of the loopback interface",
    severity: Severity::Error,
    meaning: "programs of this host cannot reach each other over 127.0.0.1 or ::1",
    page: include_str!("../../../docs/findings/NB0202.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for own in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        if !is_used(view, own) {
            continue;
        }
        // Whatever the port: one that gets through shows rules that choose, and then NB0501 tells which services are cut off.
        let lost: Vec<Option<Place>> = [80, 5432, 33000].map(|port| stopped(view, own, port)).into();
        let Some([Some(at), Some(_), Some(_)]) = lost.first_chunk() else { continue };
        let lost: Vec<Question> = [80, 5432, 33000].iter().filter_map(|port| local(own, *port)).collect();
        let fix = let_pass(view.rules, view.host, &lost, |_, hook| {
            let lo = Some("lo".into());
            let (iif, oif) = if hook == Hook::Output { (None, lo) } else { (lo, None) };
            NewRule { v6: own.is_ipv6(), iif, oif, ..NewRule::default() }
        });
        found.push(
            CODE.finding(format!("a connection from {own} to {own} is stopped by the rules"))
                .rule(view.rule(*at).label("packets of the interface lo end here").verdict())
                .seen("simulation", format!("tcp {own}:45678 > {own}:80, out and in by lo: dropped"))
                .fixes(fix),
        );
    }
}

/// Does an interface that is up have the address?
fn is_used(view: &View<'_>, own: IpAddr) -> bool {
    let (Fact::Is(links), Fact::Is(addresses)) = (view.host.links(), view.host.addresses()) else { return false };
    let up = |index| links.iter().any(|l| l.index == index && l.is_loopback() && l.flags.contains(LinkFlags::UP));
    addresses.iter().any(|a| a.local.addr == own && up(a.index))
}

fn stopped(view: &View<'_>, own: IpAddr, port: u16) -> Option<Place> {
    probe::stopped_at(&view.ask(&local(own, port)?)?)
}

fn local(own: IpAddr, port: u16) -> Option<Question> {
    let q = probe::packet(TCP, (own, 45678), (own, port), CtState::New)?;
    Some(Question { side: Side::Out, ..q })
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let blame = &case.explained.blame;
    let by_rules = matches!(blame.culprit.kind, crate::blame::CulpritKind::Rule | crate::blame::CulpritKind::Policy);
    // As it was when it ended: what was sent by lo has come in by it then.
    let last = &case.explained.walked.runs.first()?.packet;
    let on_loopback = [&last.iif, &last.oif]
        .into_iter()
        .any(|d| d.value().and_then(|d| d.name.value()).is_some_and(|name| *name == "lo"));
    (by_rules && on_loopback).then(|| "it is between programs of this host, on the interface lo".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn a_policy_of_drop_that_forgets_lo_is_found() {
        let host = testing::server();
        let found = testing::find(&CODE, &testing::input("drop", "established"), &host);
        assert_eq!(found.len(), 1, "127.0.0.1; nobody has ::1");
        assert!(found[0].rules[0].entry.policy);
        assert_eq!(testing::find(&CODE, &testing::input("accept", ""), &host), []);
        let mut down = testing::server();
        down.links.iter_mut().filter(|l| l.index == 1).for_each(|l| l.flags.remove(LinkFlags::UP));
        assert_eq!(testing::find(&CODE, &testing::input("drop", "established"), &down), [], "nothing uses it");
    }
}
