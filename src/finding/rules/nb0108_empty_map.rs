//! `NB0108`: a packet that a verdict map has no element for.

use crate::evaluate::walk::Step;
use crate::evaluate::{ChainRef, Place, TableRef};
use crate::finding::act::{self, Act, acts};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::listing::chains;
use crate::sys::Text;
use crate::sys::nft::{Expr, SetFlags, Verdict};

pub(super) const CODE: Code = Code {
    id: "NB0108",
    title: "verdict map has nothing for the packet",
    severity: Severity::Warning,
    meaning: "a packet whose key is not in the map goes on to the next rule, and in the end to the policy",
    page: include_str!("../../../docs/findings/NB0108.md"),
    check,
    why: Some(why),
};

/// Maps that have nothing for any packet.
fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        let TableRef::Nft(t) = chain.table else { continue };
        let Some(table) = view.rules.nft.get(t) else { continue };
        act::each(view.rules, chain, |at, acts| {
            let map = acts.into_iter().find_map(|a| match a {
                Act::Vmap(map) => Some(map),
                _ => None,
            });
            let Some(set) = map.and_then(|m| table.set(&m)) else { return };
            if set.elements.is_empty() && !is_filled_by_rules(table, &set.def.name, set.def.flags) {
                let rule = view.rule(at).label("looks everything up in vain").condition(&["vmap"]);
                // Whoever keeps the map fills it when there is something to put in it; and a list of whom to shut out may be empty.
                let fine = rule.entry.manager.is_some() || !view.bases(chain).iter().any(|b| drops_by_policy(view, *b));
                let severity = if fine { Severity::Note } else { Severity::Warning };
                found.push(
                    CODE.finding(format!("map {} is empty: the rule decides about nothing", set.def.name))
                        .severity(severity)
                        .rule(rule),
                );
            }
        });
    }
}

fn drops_by_policy(view: &View<'_>, base: ChainRef) -> bool {
    let TableRef::Nft(t) = base.table else { return false };
    let chain = view.rules.nft.get(t).and_then(|t| t.chains.get(base.chain));
    chain.and_then(|c| c.def.base.as_ref()).is_some_and(|b| b.policy == Verdict::Drop)
}

/// Do rules, or time, change what is in a set?
pub(super) fn is_filled_by_rules(table: &crate::ruleset::nft::Table, set: &Text, flags: SetFlags) -> bool {
    flags.intersects(SetFlags::TIMEOUT | SetFlags::EVAL)
        || table.chains.iter().flat_map(|c| &c.rules).flat_map(|r| &r.exprs).any(|e| match e {
            Expr::Dynset(d) => d.set == *set,
            _ => false,
        })
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    if !case.culprit().policy {
        return None;
    }
    let run = case.explained.walked.runs.first()?;
    let missed = run.steps.iter().rev().find_map(|s| {
        let Step::Rule { hook, tried } = s else { return None };
        let map = acts(case.view.rules, tried.at)?.into_iter().find_map(|a| match a {
            Act::Vmap(map) => Some(map),
            _ => None,
        });
        map.filter(|_| *hook == run.hook && !tried.matched).map(|map| (tried.at, map))
    });
    let (at, map): (Place, Text) = missed?;
    let name = case.view.describer().chain_name(at.chain);
    Some(format!("verdict map {map} in rule {} of {name} has no element for it", at.position.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing::{self, table, with};
    use crate::host::FakeHost;
    use crate::sys::nft::expr::{Lookup, LookupFlags, Payload, PayloadBase};
    use crate::sys::nft::{BaseChain, Family, Hook, Reg};

    #[test]
    fn a_map_without_elements_is_found_unless_something_fills_it() {
        let lookup = Lookup {
            set: "m".into(),
            set_id: None,
            sreg: Reg::R1,
            dreg: Some(Reg::VERDICT),
            flags: LookupFlags::empty(),
        };
        let rule = vec![Payload::load(PayloadBase::Transport, 2, 2).into(), lookup.into()];
        let mut t = table(Family::Inet, "input", Some(BaseChain::filter(Hook::Input, 0)), vec![rule]);
        t.sets.push(testing::set("m", 2));
        let rules = with(t);
        assert_eq!(testing::find(&CODE, &rules, &FakeHost::new()).len(), 1);
        let mut filled = rules.clone();
        filled.nft[0].sets[0].def.flags |= SetFlags::TIMEOUT;
        assert_eq!(testing::find(&CODE, &filled, &FakeHost::new()), []);
    }
}
