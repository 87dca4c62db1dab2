//! `NB0104` and `NB0105`: pairs of rules whose order matters.

use crate::analysis::{Analysed, Ends, Shape, What};
use crate::evaluate::{ChainRef, Place};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const GENERALISATION: Code = Code {
    id: "NB0104",
    title: "exceptions to wider rules behind them",
    severity: Severity::Note,
    meaning: "a rule decides otherwise about some packets of a wider rule behind it: an exception, which works only as long as it comes first",
    page: include_str!("../../../docs/findings/NB0104.md"),
    check: generalisations,
    why: None,
};

pub(super) const CORRELATION: Code = Code {
    id: "NB0105",
    title: "rules that overlap and decide otherwise",
    severity: Severity::Note,
    meaning: "some packets match two rules that decide otherwise about them, and each has packets of its own: which one comes first decides",
    page: include_str!("../../../docs/findings/NB0105.md"),
    check: correlations,
    why: None,
};

/// Each rule is held against so many before it.
const BACK: usize = 32;
/// So many pairs are shown for a chain.
const SHOWN: usize = 3;

fn generalisations(view: &View<'_>, found: &mut Vec<Finding>) {
    pairs(view, found, &GENERALISATION, true);
}

fn correlations(view: &View<'_>, found: &mut Vec<Finding>) {
    pairs(view, found, &CORRELATION, false);
}

fn pairs(view: &View<'_>, found: &mut Vec<Finding>, code: &Code, inside: bool) {
    for (chain, analysed) in view.analysis() {
        let all = of_chain(analysed, inside);
        let Some((first, wider)) = all.first().copied() else { continue };
        // In which order a manager writes its own rules is its affair.
        if view.listing.chain(*chain).manager.is_some() {
            continue;
        }
        let shown: Vec<String> = all.iter().take(SHOWN).map(|(a, b)| format!("{a} and {b}")).collect();
        let more = if all.len() > SHOWN { format!(" and {} pairs more", all.len() - SHOWN) } else { String::new() };
        let message = if inside {
            format!("the order of rules {}{more} matters: the first is an exception to the second", shown.join(", "))
        } else {
            format!("the order of rules {}{more} matters: some packets match both", shown.join(", "))
        };
        found.push(code.finding(message).rule(rule(view, *chain, first)).rule(rule(view, *chain, wider)));
    }
}

fn rule(view: &View<'_>, chain: ChainRef, position: usize) -> crate::finding::report::RuleRef {
    view.rule(Place { chain, position: Some(position) }).label("decides otherwise")
}

/// Pairs of rules that decide otherwise: the first within the second, or each with packets of its own.
fn of_chain(analysed: &Analysed, inside: bool) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    let dead = |p: usize| analysed.dead.binary_search_by_key(&p, |d| d.0).is_ok();
    let special = |s: &Shape| {
        s.regions.iter().any(|r| r.iter().any(|(axis, _)| !analysed.axes.what(axis).is_some_and(is_general)))
    };
    let deciding =
        |p: usize| analysed.shape(p).filter(|s| s.ends.as_ref().is_some_and(decides) && !dead(p) && special(s));
    for wide in 1..=analysed.shapes.len() {
        // What decides about all that is left is an exception to nothing.
        let Some(b) = deciding(wide).filter(|b| !b.is_all()) else { continue };
        for narrow in wide.saturating_sub(BACK).max(1)..wide {
            let Some(a) =
                deciding(narrow).filter(|a| a.ends.as_ref().map(Ends::accepts) != b.ends.as_ref().map(Ends::accepts))
            else {
                continue;
            };
            let within = a.regions.iter().all(|r| b.regions.iter().any(|wide| wide.covers(r)));
            if meets(a, b) && within == inside {
                all.push((narrow, wide));
            }
        }
    }
    all
}

/// Rules about nothing else than this stand before or behind all others on purpose.
fn is_general(what: &What) -> bool {
    matches!(what, What::State | What::Input | What::Output | What::Family)
}

fn decides(e: &Ends) -> bool {
    e.accepts() || e.loses()
}

fn meets(a: &Shape, b: &Shape) -> bool {
    a.regions.iter().any(|x| b.regions.iter().any(|y| x.meets(y)))
}
