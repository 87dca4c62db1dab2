//! In which portions rules are asked for.
//!
//! A dump goes on in portions of 32 KiB, and for each of them the kernel walks from the first rule to where it was
//! (`nf_tables_dump_rules`): dumping everything at once costs the square of the number of rules, dumping chain by chain
//! only the squares of theirs. But each dump costs a little of its own.

use super::is_bound;
use crate::ruleset::nft::{Chain, Table};
use crate::sys::Text;
use crate::sys::nft::{Family, RulesOf};

/// About how many rules fit into a portion of the kernel's.
const RULES_A_PORTION: u64 = 100;
/// About how many rules the kernel walks over in the time that a dump of nothing takes.
const WALKED_A_DUMP: u64 = 200;

/// How many rules take longer to read than a socket and a thread take to make.
const MANY_RULES: u64 = 500;

/// Rules to be asked for with one dump: those of a table, or of one chain of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Portion<'a> {
    pub family: Family,
    table: &'a Text,
    chain: Option<&'a Text>,
    /// About how many there are.
    count: u64,
}

impl Portion<'_> {
    pub fn rules(&self) -> RulesOf<'_> {
        match self.chain {
            None => RulesOf::Table(self.table),
            Some(chain) => RulesOf::Chain(self.table, chain),
        }
    }
}

/// The dumps that bring the rules of these tables, whose chains are known, with the least work. Chains that belong to a
/// rule are left out, where that saves something.
pub(super) fn of(tables: &[Table]) -> Vec<Portion<'_>> {
    let mut portions = Vec::new();
    for table in tables {
        // A chain that nothing refers to has no rules: they do.
        let wanted = |c: &&Chain| c.def.uses > 0 && !is_bound(c);
        let chains = || table.chains.iter().filter(wanted);
        let rules: u64 = table.chains.iter().map(|c| u64::from(c.def.uses)).sum();
        let by_chain = chains().map(|c| walked(c.def.uses.into()) + WALKED_A_DUMP).sum::<u64>();
        let portion = |chain, count| Portion { family: table.def.family, table: &table.def.name, chain, count };
        if by_chain <= walked(rules) + WALKED_A_DUMP {
            portions.extend(chains().map(|c| portion(Some(&c.def.name), c.def.uses.into())));
        } else {
            portions.push(portion(None, rules));
        }
    }
    portions
}

/// Is it worth while to read them over two sockets? Not if there are few, nor if one portion is most of them.
pub(super) fn are_worth_sharing(portions: &[Portion<'_>]) -> bool {
    let counts = || portions.iter().map(|p| p.count);
    counts().sum::<u64>() >= MANY_RULES.max(2 * counts().max().unwrap_or(0))
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

    /// The chains asked for by name; `*` for the whole table.
    fn asked(table: Table) -> Vec<String> {
        of(&[table]).iter().map(|p| p.chain.map_or("*".into(), ToString::to_string)).collect()
    }

    #[test]
    fn long_chains_are_asked_for_one_by_one_and_short_ones_together() {
        assert_eq!(asked(table(&[5; 30])), ["*"]);
        assert_eq!(asked(table(&[2; 2000])), ["*"], "2000 dumps are worse than walking over 4000 rules 40 times");
        assert_eq!(asked(table(&[1000, 0, 2000])), ["c0", "c2"], "nothing is asked of an empty chain");
        assert_eq!(asked(table(&[20_000])), ["c0"]);
    }

    #[test]
    fn much_in_several_portions_is_shared() {
        let shared = |uses: &[u32]| are_worth_sharing(&of(&[table(uses)]));
        assert!(shared(&[1000; 3]));
        assert!(!shared(&[20_000]), "one portion");
        assert!(!shared(&[10_000, 1000, 1000]), "nearly one portion");
        assert!(!shared(&[100; 4]), "too few");
        assert!(!shared(&[]));
    }

    #[test]
    fn chains_that_belong_to_rules_are_not_asked_for_again() {
        let mut bound = table(&[1000, 0, 1000]);
        bound.chains[0].def.flags |= wire::ChainFlags::BINDING;
        assert_eq!(asked(bound), ["c2"]);
    }
}
