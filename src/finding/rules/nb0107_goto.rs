//! `NB0107`: a goto that leads past the rest of a base chain.

use super::dead::add;
use crate::analysis::{Analysed, Chains};
use crate::evaluate::{ChainRef, Place};
use crate::finding::act::{Act, acts};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::listing::is_base;

pub(super) const CODE: Code = Code {
    id: "NB0107",
    title: "packets that come out of a goto skip the rest of the chain",
    severity: Severity::Warning,
    meaning: "a goto in a base chain leads to a chain that does not decide about every packet: what falls out of it meets the policy, not the rules behind the goto",
    page: include_str!("../../../docs/findings/NB0107.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let mut chains = Chains::new(view.rules);
    let mut all = Vec::new();
    for (chain, analysed) in view.analysis().iter().filter(|(c, _)| is_base(view.rules, *c)) {
        for position in 1..=analysed.shapes.len() {
            all.extend(finding(view, &mut chains, *chain, analysed, position).map(|f| (*chain, f)));
        }
    }
    add(&CODE, found, all.into_iter());
}

fn finding(
    view: &View<'_>,
    chains: &mut Chains<'_>,
    chain: ChainRef,
    analysed: &Analysed,
    position: usize,
) -> Option<Finding> {
    let at = Place { chain, position: Some(position) };
    let to = acts(view.rules, at)?.into_iter().find_map(|a| match a {
        Act::Goto(to) => Some(to),
        _ => None,
    })?;
    let target = chains.named(chain.table, &to)?;
    let own = analysed.shape(position)?;
    // One that leads everything away leaves nothing behind it that could be meant, which is told elsewhere.
    if own.is_all() || chains.always_ends(target, 0) {
        return None;
    }
    let skipped = (position + 1..=analysed.shapes.len()).find(|p| {
        analysed
            .shape(*p)
            .is_some_and(|s| s.ends.is_some() && s.regions.iter().any(|r| own.regions.iter().any(|mine| mine.meets(r))))
    })?;
    let skipped = Place { chain, position: Some(skipped) };
    Some(
        CODE.finding(format!(
            "what chain {to} does not decide about meets the policy: the rules behind rule {position} are skipped"
        ))
        .rule(view.rule(at).deciding(&["goto", "-g"]).label("does not come back"))
        .rule(view.rule(skipped).label("never sees those packets, some of which it matches"))
        .possible(format!("it depends on whether packets get through chain {to} undecided"))
        .note("jump comes back where goto does not"),
    )
}
