//! `NB0111`: whether a rule can match could not be told.

use crate::analysis::Dead;
use crate::evaluate::Place;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0111",
    title: "too complex to tell whether these rules ever match",
    severity: Severity::Note,
    meaning: "earlier rules take the packets of a rule in so many pieces that the search was given up: it may be shadowed, or not",
    page: include_str!("../../../docs/findings/NB0111.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for (chain, analysed) in view.analysis() {
        let of: Vec<usize> = analysed.dead.iter().filter(|(_, d)| *d == Dead::TooComplex).map(|(p, _)| *p).collect();
        let Some(first) = of.first() else { continue };
        let at = Place { chain: *chain, position: Some(*first) };
        let (rules, they) = if of.len() == 1 { ("rule", "it") } else { ("rules", "they") };
        let which: Vec<String> = of.iter().take(20).map(usize::to_string).collect();
        let more = if of.len() > 20 { format!(" and {} more", of.len() - 20) } else { String::new() };
        found.push(
            CODE.finding(format!("{rules} {}{more}: it could not be told whether {they} ever match", which.join(", ")))
                .rule(view.rule(at).label("the first of them"))
                .possible("the rules before would have to be taken apart into too many pieces"),
        );
    }
}
