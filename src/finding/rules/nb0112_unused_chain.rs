//! `NB0112`: chains that nothing leads to.

use crate::evaluate::{ChainRef, Place};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::listing::chains;

pub(super) const CODE: Code = Code {
    id: "NB0112",
    title: "chain is never reached",
    severity: Severity::Note,
    meaning: "no rule that packets can meet leads to the chain: the rules in it do nothing",
    page: include_str!("../../../docs/findings/NB0112.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let unused = chains(view.rules).filter(|c| view.bases(*c).is_empty());
    // Managers keep chains in store, which is their affair; for all others one note for each table will do.
    let mut tables: Vec<(ChainRef, Vec<String>)> = Vec::new();
    for chain in unused {
        let shown = view.listing.chain(chain);
        if shown.len == 0 || shown.manager.is_some() {
            continue;
        }
        match tables.last_mut() {
            Some((first, names)) if first.table == chain.table => names.push(shown.chain_name),
            _ => tables.push((chain, vec![shown.chain_name])),
        }
    }
    for (first, names) in tables {
        let (chains, they) = if names.len() == 1 { ("chain", "its") } else { ("chains", "their") };
        let first = Place { chain: first, position: Some(1) };
        found.push(
            CODE.finding(format!("nothing leads to {chains} {}: {they} rules do nothing", names.join(", ")))
                .rule(view.rule(first).label("never reached")),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing::{self, says, table, with};
    use crate::host::FakeHost;
    use crate::sys::nft::{BaseChain, Family, Hook, Verdict};

    #[test]
    fn a_chain_with_rules_that_nothing_leads_to_is_found() {
        let mut t = table(Family::Inet, "spare", None, vec![vec![says(Verdict::Drop)]]);
        let found = testing::find(&CODE, &with(t.clone()), &FakeHost::new());
        assert_eq!(found.len(), 1);
        let base = BaseChain::filter(Hook::Input, 0);
        let caller = table(Family::Inet, "input", Some(base), vec![vec![says(Verdict::Jump("spare".into()))]]);
        t.chains.extend(caller.chains);
        assert_eq!(testing::find(&CODE, &with(t), &FakeHost::new()), []);
    }
}
