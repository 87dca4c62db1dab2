//! `NB0408`: packets that are not tracked, and rules that only let tracked ones pass.

use crate::evaluate::packet::CtState;
use crate::explain::{Explainer, Question};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::probe;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::witness;
use crate::fix::{Change, Trial};
use crate::listing::chains;

pub(super) const CODE: Code = Code {
    id: "NB0408",
    title: "packets are not tracked, and rules that ask for their connection drop them",
    severity: Severity::Warning,
    meaning: "`notrack` makes a packet `untracked`: neither new nor established, so that stateful rules do not match it",
    page: include_str!("../../../docs/findings/NB0408.md"),
    check,
    why: None,
};

/// So many rules are tried without.
const MOST: usize = 16;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let mut at = Vec::new();
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |place, acts| at.extend(acts.contains(&Act::Notrack).then_some(place)));
    }
    for at in at.into_iter().take(MOST) {
        let remove = Change::Remove { at };
        let Some(without) = Trial::new(view.rules, view.host).with(&remove) else { continue };
        let tracked = Explainer::new(&without.rules, &without.host).brief();
        let lost = witness::arriving(view, at).into_iter().find_map(|w| {
            [CtState::New, CtState::Established].into_iter().find_map(|state| {
                let q = Question { ct: Some(state), ..w.question.clone() };
                let by = probe::stopped_at(&view.ask(&q)?)?;
                let otherwise = tracked.explain(&q).ok()?;
                let passed =
                    probe::stopped_at(&otherwise).is_none() && !otherwise.walked.runs.iter().any(probe::is_stopped);
                passed.then(|| (by, state, w.words()))
            })
        });
        let Some((by, state, words)) = lost else { continue };
        let state = if state == CtState::New { "new connections" } else { "connections that exist" };
        let mut fix = Fix::new("track them again");
        for command in remove.commands(view.rules).into_iter().flatten() {
            fix = fix.command(command);
        }
        found.push(
            CODE.finding(format!("packets of {state} are not tracked here, and dropped because of that"))
                .rule(view.rule(at).label("makes them untracked").deciding(&["notrack", "--notrack", "NOTRACK"]))
                .rule(view.rule(by).label("drops them: what lets the same packet pass when it is tracked asks for its state").verdict())
                .seen("simulation", words)
                .note("accept them by `ct state untracked` (`-m conntrack --ctstate UNTRACKED`), in both directions, or track them")
                .fix(fix.change(remove)),
        );
    }
}
