//! `NB0106`: the conditions of a rule exclude each other.

use super::dead::add;
use super::deciding;
use crate::analysis::Dead;
use crate::evaluate::Place;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0106",
    title: "rule can never match: its conditions exclude each other",
    severity: Severity::Warning,
    meaning: "no packet meets all conditions of the rule: two ports, two protocols, two addresses at once",
    page: include_str!("../../../docs/findings/NB0106.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let all = view.analysis().iter().flat_map(|(chain, analysed)| {
        let dead = analysed.dead.iter().filter(|(_, d)| *d == Dead::Contradictory);
        dead.map(|(p, _)| {
            let at = Place { chain: *chain, position: Some(*p) };
            let finding = CODE.finding(format!("rule {p} can never match: no packet meets all its conditions"));
            let what = analysed.shape(*p).and_then(|s| analysed.axes.what(s.conflict?));
            let rule = view.rule(at).label("no packet meets all of this");
            (*chain, finding.rule(rule.conditions(what.map_or(&[], deciding::words))))
        })
    });
    add(&CODE, found, all);
}
