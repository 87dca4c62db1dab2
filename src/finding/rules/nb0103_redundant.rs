//! `NB0103`: earlier rules do the same to everything that a rule matches.

use super::dead::{add, covered, with_rules};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0103",
    title: "rule is redundant",
    severity: Severity::Note,
    meaning: "rules before it do the same to every packet that the rule matches: it can be taken out",
    page: include_str!("../../../docs/findings/NB0103.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let all = covered(view).filter(|c| c.is_redundant()).map(|c| {
        let finding = CODE.finding(format!(
            "rule {} never matches: earlier rules do the same{}",
            c.position,
            if c.ends().all(|e| c.shape.ends.as_ref().is_some_and(|own| own.is_same(e))) {
                ""
            } else {
                " to all that exceptions before them leave"
            }
        ));
        (c.chain, with_rules(view, finding, &c, "can be taken out"))
    });
    add(&CODE, found, all);
}
