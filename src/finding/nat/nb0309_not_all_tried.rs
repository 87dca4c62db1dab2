//! `NB0309`: there are more port forwards than are tried.

use crate::finding::code::Code;
use crate::finding::forwards::{MOST, to_here};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0309",
    title: "not all port forwards were tried",
    severity: Severity::Note,
    meaning: "there are so many port forwards, or elements of maps with them, that packets were made for some of them only: the others may lead nowhere unseen",
    page: include_str!("../../../docs/findings/NB0309.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let (all, here) = (view.forwards(), to_here(view).count());
    let last_here = to_here(view).nth(MOST).map(|way| way.at);
    let Some(last) = all.tried.last().filter(|_| all.cut || all.untried > 0).map(|f| f.at).or(last_here) else {
        return;
    };
    let (tried, more) = (all.tried.len() + here.min(MOST), if all.cut { " at least" } else { "" });
    found.push(
        CODE.finding(format!("of {}{more} port forwards {tried} were tried", all.tried.len() + all.untried + here))
            .rule(view.rule(last).label("behind this one, or some of its elements, none was").translation())
            .possible("whether the others lead anywhere")
            .note("nfblame why answers for any one of them"),
    );
}
