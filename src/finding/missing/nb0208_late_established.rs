//! `NB0208`: packets of connections go through many rules before they are accepted.

use crate::evaluate::Place;
use crate::evaluate::packet::CtState;
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::probe::{self, Peer, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::fix::Change;

pub(super) const CODE: Code = Code {
    id: "NB0208",
    title: "the rule for established connections comes late",
    severity: Severity::Note,
    meaning: "every packet of every connection is held against the rules before it",
    page: include_str!("../../../docs/findings/NB0208.md"),
    check,
    why: None,
};

/// So many rules before it are nothing to speak of.
const FEW: usize = 10;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let mut told: Vec<Place> = Vec::new();
    for peer in view.peers() {
        let Some(at) = rule_for_established(view, peer) else { continue };
        let Some(before) = at.position.map(|n| n - 1).filter(|n| *n > FEW) else { continue };
        if told.contains(&at) {
            continue;
        }
        told.push(at);
        let fix = earlier(view, at);
        let choice = "a rule before it ends packets: whether those of connections are meant, too, the operator knows";
        let mut finding = CODE
            .finding(format!("packets of established connections meet {before} rules of their chain first"))
            .rule(view.rule(at).label("accepts packets of established connections").condition(&[
                "ct state",
                "--ctstate",
                "--state",
            ]))
            .seen("simulation", format!("tcp {}:443 > {}:45678, established, in {}", peer.remote, peer.own, peer.link));
        if fix.is_none() {
            finding = finding.note(choice);
        }
        found.push(finding.fixes(fix));
    }
}

/// Moves the rule to the first place from which on all rules before it only accept: there it decides as it does now.
fn earlier(view: &View<'_>, at: Place) -> Option<Fix> {
    let from = at.position?;
    let mut to = 1;
    act::each(view.rules, at.chain, |rule, acts| {
        let accepts = !acts.is_empty() && acts.iter().all(|a| *a == Act::Accept);
        if let Some(n) = rule.position.filter(|n| *n < from && !accepts) {
            to = n + 1;
        }
    });
    let change = Change::Move { chain: at.chain, from, to };
    let (commands, persistent) = (change.commands(view.rules)?, change.persistent(view.rules));
    let fix = Fix::new("move it up: nothing that it would pass over does anything but accept");
    let fix = persistent.into_iter().fold(commands.into_iter().fold(fix, Fix::command), Fix::persistent).change(change);
    (from - to > FEW).then_some(Fix { verified: true, ..fix })
}

/// The rule that accepts what is established and would not accept the same packet as a new one.
fn rule_for_established(view: &View<'_>, peer: &Peer) -> Option<Place> {
    let ports = (TCP, 443, 45678);
    let accepted = |state| Some(probe::accepted_by(&view.ask(&probe::arriving(peer, ports, state)?)?));
    let new = accepted(CtState::New)?;
    accepted(CtState::Established)?.into_iter().find(|at| !new.contains(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::expr::{Cmp, CmpOp, Meta, MetaKey};
    use crate::sys::nft::{BaseChain, Data, Expr, Family, Hook, Reg, Verdict};

    #[test]
    fn behind_many_rules_it_is_late() {
        let host = testing::server();
        let other: Vec<Expr> = vec![
            Meta { key: MetaKey::L4proto, dreg: Reg::R1 }.into(),
            Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new([132]) }.into(),
            testing::says(Verdict::Accept),
        ];
        let rules = |before: usize| {
            let base = BaseChain { policy: Verdict::Drop, ..BaseChain::filter(Hook::Input, 0) };
            let mut all = vec![other.clone(); before];
            all.push([testing::established(), vec![testing::says(Verdict::Accept)]].concat());
            testing::with(testing::table(Family::Inet, "input", Some(base), all))
        };
        let found = testing::find(&CODE, &rules(11), &host);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].rules[0].entry.rule_position, Some(12));
        assert_eq!(testing::find(&CODE, &rules(10), &host), []);
    }
}
