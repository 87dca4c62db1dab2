//! `NB0601`: rules that write a line to the kernel's log for every packet.

use super::readers;
use crate::evaluate::{ChainRef, Place, TableRef};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::selects;
use crate::finding::view::View;
use crate::listing::chains;
use crate::sys::Text;
use rustc_hash::FxHashMap;

pub(super) const CODE: Code = Code {
    id: "NB0601",
    title: "a rule logs without a limit",
    severity: Severity::Note,
    meaning: "whoever sends packets that it matches fills the kernel's log and the disk, and slows this host down",
    page: include_str!("../../../docs/findings/NB0601.md"),
    check,
    why: None,
};

/// So many rules are shown.
const SHOWN: usize = 5;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let logs = readers::rules(view, |acts| acts.contains(&Act::Log(None)).then_some(()));
    if logs.is_empty() {
        return;
    }
    let ways = ways(view);
    let unlimited: Vec<Place> = logs
        .into_iter()
        .map(|(at, ())| at)
        .filter(|at| !limited(view, *at) && !led_in_limits(view, &ways, at.chain))
        .collect();
    let count = unlimited.len();
    let Some(first) = unlimited.first() else { return };
    let mut finding = CODE.finding(match count {
        1 => "a rule writes a line to the kernel's log for every packet that it matches".to_owned(),
        n => format!("{n} rules write a line to the kernel's log for every packet that they match"),
    });
    finding = finding.rule(view.rule(*first).label("no limit").deciding(&["LOG", "log"]));
    for at in unlimited.iter().skip(1).take(SHOWN - 1) {
        finding = finding.rule(view.rule(*at).label("nor here"));
    }
    if count > SHOWN {
        finding = finding.note(format!("and {} more", count - SHOWN));
    }
    found.push(finding.note("iptables: `-m limit --limit 5/min` before `-j LOG`; nft: `limit rate 5/minute log`; or NFLOG, whose reader may lose what is too much"));
}

/// Does it hold only so often?
fn limited(view: &View<'_>, at: Place) -> bool {
    selects(view.rules, at).is_none_or(|s| s.limited)
}

/// The rules that lead to each chain.
fn ways(view: &View<'_>) -> FxHashMap<ChainRef, Vec<Place>> {
    let mut ways: FxHashMap<ChainRef, Vec<Place>> = FxHashMap::default();
    let in_table: FxHashMap<(TableRef, Text), ChainRef> =
        chains(view.rules).filter_map(|c| Some(((c.table, name(view, c)?), c))).collect();
    for chain in chains(view.rules) {
        act::each(view.rules, chain, |at, acts| {
            for act in &acts {
                let (Act::Jump(to) | Act::Goto(to)) = act else { continue };
                if let Some(to) = in_table.get(&(chain.table, to.clone())) {
                    ways.entry(*to).or_default().push(at);
                }
            }
        });
    }
    ways
}

fn name(view: &View<'_>, chain: ChainRef) -> Option<Text> {
    match chain.table {
        TableRef::Nft(t) => Some(view.rules.nft.get(t)?.chains.get(chain.chain)?.def.name.clone()),
        TableRef::Xt(t) => Some(view.rules.xt.get(t)?.nth_chain(chain.chain)?.name().clone()),
    }
}

/// Do only rules with a limit lead there? Chains of verdict maps do not count.
fn led_in_limits(view: &View<'_>, ways: &FxHashMap<ChainRef, Vec<Place>>, chain: ChainRef) -> bool {
    !view.bases(chain).contains(&chain)
        && ways.get(&chain).is_some_and(|from| !from.is_empty() && from.iter().all(|at| limited(view, *at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::expr::{Limit, LimitFlags, LimitKind};
    use crate::sys::nft::{BaseChain, Expr, Family, Hook};

    #[test]
    fn a_limit_in_the_same_rule_is_enough() {
        let limit = Limit { rate: 5, unit: 60, burst: 5, kind: LimitKind::Packets, flags: LimitFlags::empty() };
        let found = |rule: Vec<Expr>| {
            let base = Some(BaseChain::filter(Hook::Input, 0));
            let rules = testing::with(testing::table(Family::Inet, "input", base, vec![rule]));
            testing::find(&CODE, &rules, &testing::server()).len()
        };
        assert_eq!((found(vec![testing::log(None)]), found(vec![limit.into(), testing::log(None)])), (1, 0));
        assert_eq!(found(vec![testing::log(Some(5))]), 0);
    }
}
