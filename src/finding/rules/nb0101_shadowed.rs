//! `NB0101`: earlier rules decide otherwise about everything that a rule matches.

use super::dead::{Covered, add, covered, is_own_affair, moved, with_rules};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0101",
    title: "rule never matches: shadowed by earlier rules",
    severity: Severity::Error,
    meaning: "every packet that the rule matches has been decided about, and otherwise, by rules before it",
    page: include_str!("../../../docs/findings/NB0101.md"),
    check,
    why: None,
};

/// Trying to move a rule takes a copy of the ruleset: for so many it is done.
const FIXES: usize = 5;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let shadowed = covered(view).filter(|c| !c.is_redundant()).enumerate();
    add(&CODE, found, shadowed.map(|(n, c)| (c.chain, finding(view, &c, n < FIXES))));
}

fn finding(view: &View<'_>, c: &Covered<'_>, fix: bool) -> Finding {
    let own = c.shape.ends.as_ref();
    let opposite =
        own.is_some_and(|own| c.ends().all(|e| (own.accepts() && e.loses()) || (own.loses() && e.accepts())));
    let what = if c.is_done_in_part() { "some of what" } else { "what" };
    let would = own.map_or_else(String::new, |e| format!(": {what} it would have {} is not", e.name()));
    let first = c.by.first().map_or(0, |(n, _)| *n);
    let by = if c.by.len() == 1 { format!("rule {first}") } else { format!("{} rules together", c.by.len()) };
    let finding = CODE
        .finding(format!("rule {} never matches, because of {by} before it{would}", c.position))
        .severity(match opposite {
            _ if is_own_affair(view, c.chain, c.by.iter().map(|(n, _)| *n).chain([c.position])) => Severity::Note,
            true => Severity::Error,
            false => Severity::Warning,
        });
    let finding = with_rules(view, finding, c, "never matches");
    match Some(()).filter(|()| opposite && fix).and_then(|()| moved(view, c.chain, c.position, first)) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}
