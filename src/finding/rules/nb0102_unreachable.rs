//! `NB0102`: rules behind one that ends every packet.

use super::dead::{is_own_affair, moved};
use crate::analysis::{Analysed, Dead, Ends};
use crate::evaluate::{ChainRef, Place};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0102",
    title: "rules behind one that ends every packet",
    severity: Severity::Error,
    meaning: "a rule without conditions ends the walk of the chain: what stands behind it, such as rules that were appended later, is never reached",
    page: include_str!("../../../docs/findings/NB0102.md"),
    check,
    why: None,
};

/// So many of them are shown.
const SHOWN: usize = 5;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    found.extend(view.analysis().iter().filter_map(|(chain, analysed)| finding(view, *chain, analysed)));
}

fn finding(view: &View<'_>, chain: ChainRef, analysed: &Analysed) -> Option<Finding> {
    let behind = analysed.dead.iter().filter_map(|(p, d)| match d {
        Dead::Behind(end, _) => Some((*p, *end)),
        _ => None,
    });
    let positions: Vec<usize> = behind.clone().map(|(p, _)| p).collect();
    let (_, end) = behind.clone().next()?;
    let ends = analysed.shape(end)?.covers.first().map(|(_, e)| e.clone())?;
    let own = || positions.iter().filter_map(|p| analysed.shape(*p)?.ends.as_ref());
    let opposite = positions.iter().any(|p| is_opposed(analysed, *p));
    let same = own().count() == positions.len() && own().all(|e| e.is_same(&ends));
    let own_rules = is_own_affair(view, chain, positions.iter().copied().chain([end]));
    let severity = match (opposite, same || own_rules) {
        (true, _) if !own_rules => Severity::Error,
        (_, true) => Severity::Note,
        _ => Severity::Warning,
    };
    let (what, are) =
        if positions.len() == 1 { ("1 rule", "is") } else { (&*format!("{} rules", positions.len()), "are") };
    let mut finding = CODE
        .finding(format!("{what} behind rule {end} {are} never reached: every packet is {} there", ends.name()))
        .severity(severity);
    for p in positions.iter().take(SHOWN) {
        finding = finding.rule(view.rule(Place { chain, position: Some(*p) }).label("never reached"));
    }
    finding = finding.rule(
        view.rule(Place { chain, position: Some(end) })
            .label(format!("every packet is {} here", ends.name()))
            .verdict(),
    );
    if positions.len() > SHOWN {
        finding = finding.note(format!("and {} more", positions.len() - SHOWN));
    }
    // One that was meant to decide is moved to where it does.
    let first = positions.iter().copied().find(|p| is_opposed(analysed, *p));
    if let Some(fix) = first.and_then(|p| moved(view, chain, p, end)) {
        finding = finding.fix(fix);
    }
    Some(finding)
}

/// Would the rule have let packets pass that end otherwise, or the other way round?
fn is_opposed(analysed: &Analysed, position: usize) -> bool {
    let Some(own) = analysed.shape(position).and_then(|s| s.ends.as_ref()) else { return false };
    let taken = analysed.dead.iter().find_map(|(p, d)| match d {
        Dead::Behind(end, by) if *p == position => Some((*end, by)),
        _ => None,
    });
    let Some((end, by)) = taken else { return false };
    // What rules before the last one take may be an exception from it, and from this one alike.
    let last = by.iter().any(|(n, _)| *n == end);
    let opposes = |e: &Ends| (own.accepts() && e.loses()) || (own.loses() && e.accepts());
    by.iter().any(|(n, e)| (!last || *n == end) && opposes(e))
}
