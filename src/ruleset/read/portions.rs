//! In which portions rules are asked for.
//!
//! A dump goes on in portions of 32 KiB, and for each of them the kernel walks from the first rule to where it was
//! (`nf_tables_dump_rules`): dumping everything at once costs the square of the number of rules, dumping chain by chain
//! only the squares of theirs. But each dump costs a little of its own.

use crate::ruleset::nft::{Chain, Table};
use crate::sys::Text;
use crate::sys::nft::{ChainFlags, RulesOf};

/// About how many rules fit into a portion of the kernel's.
const RULES_A_PORTION: u64 = 100;
/// About how many rules the kernel walks over in the time that a dump of nothing takes.
const WALKED_A_DUMP: u64 = 200;

/// Rules to be asked for with one dump.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Portion {
    Table(Text),
    Chain(Text, Text),
}

impl Portion {
    pub fn rules(&self) -> RulesOf<'_> {
        match self {
            Self::Table(table) => RulesOf::Table(table),
            Self::Chain(table, chain) => RulesOf::Chain(table, chain),
        }
    }
}

/// The dumps that bring the rules of these tables, whose chains are known, with the least work.
pub(super) fn of<'a>(tables: impl Iterator<Item = &'a Table>) -> Vec<Portion> {
    let mut portions = Vec::new();
    for table in tables {
        let chains = || table.chains.iter().filter(|c| may_have_rules(c));
        let rules: u64 = chains().map(|c| u64::from(c.def.uses)).sum();
        let by_chain = chains().map(|c| walked(c.def.uses.into()) + WALKED_A_DUMP).sum::<u64>();
        let name = &table.def.name;
        if by_chain <= walked(rules) + WALKED_A_DUMP {
            portions.extend(chains().map(|c| Portion::Chain(name.clone(), c.def.name.clone())));
        } else {
            portions.push(Portion::Table(name.clone()));
        }
    }
    portions
}

/// A chain that nothing refers to has no rules: they do. The uses of a chain that belongs to a rule are counted otherwise.
fn may_have_rules(chain: &Chain) -> bool {
    chain.def.uses > 0 || chain.def.flags.contains(ChainFlags::BINDING)
}

/// How many rules the kernel walks over to dump that many.
fn walked(rules: u64) -> u64 {
    rules.saturating_mul(rules) / (2 * RULES_A_PORTION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::Backend;
    use crate::sys::nft as wire;

    fn table(uses: &[u32]) -> Table {
        let chain = |(n, &uses): (usize, &u32)| {
            let def = wire::Chain::new(wire::Family::Inet, "t", format!("c{n}").as_str(), None);
            Chain { def: wire::Chain { uses, ..def }, backend: Backend::Nft, rules: Vec::new() }
        };
        Table {
            def: wire::Table::new(wire::Family::Inet, "t", wire::TableFlags::empty()),
            backend: Backend::Nft,
            chains: uses.iter().enumerate().map(chain).collect(),
            sets: Vec::new(),
            objects: Vec::new(),
            flowtables: Vec::new(),
        }
    }

    #[test]
    fn long_chains_are_asked_for_one_by_one_and_short_ones_together() {
        let whole = [Portion::Table("t".into())];
        assert_eq!(of([table(&[5; 30])].iter()), whole);
        assert_eq!(of([table(&[2; 2000])].iter()), whole, "2000 dumps are worse than walking over 4000 rules 40 times");
        let chain = |n: usize| Portion::Chain("t".into(), format!("c{n}").as_str().into());
        assert_eq!(of([table(&[1000, 0, 2000])].iter()), [chain(0), chain(2)], "nothing is asked of an empty chain");
        assert_eq!(of([table(&[20_000])].iter()), [chain(0)]);
    }

    #[test]
    fn a_chain_that_belongs_to_a_rule_is_asked_for_whatever_its_uses() {
        let mut bound = table(&[1000, 0, 1000]);
        bound.chains[1].def.flags |= ChainFlags::BINDING;
        assert_eq!(of([bound].iter()).len(), 3);
    }
}
