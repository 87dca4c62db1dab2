//! What is noted of rules as they pass, whether they are kept or not.

use rustc_hash::FxHashMap;

use super::is_bound;
use crate::ruleset::classify::{self, Traits};
use crate::ruleset::nft::Table;
use crate::sys::Text;
use crate::sys::nft::{Expr, Rule, Verdict};

pub(super) struct Tally {
    /// By table.
    tables: Vec<OfTable>,
}

struct OfTable {
    /// By chain: how many rules, and what they say of their maker.
    chains: Vec<(usize, Traits)>,
    /// How many jumps lead to a chain.
    jumps: FxHashMap<Text, usize>,
}

impl Tally {
    /// Nothing noted yet.
    pub fn empty(tables: &[Table]) -> Self {
        let of_table = |t: &Table| OfTable {
            chains: t.chains.iter().map(|_| Default::default()).collect(),
            jumps: FxHashMap::default(),
        };
        Self { tables: tables.iter().map(of_table).collect() }
    }

    /// Begins with what is in the tables already.
    pub fn new(tables: &[Table]) -> Self {
        let mut tally = Self::empty(tables);
        for (at, table) in tables.iter().enumerate() {
            for (chain, rules) in table.chains.iter().map(|c| &c.rules).enumerate() {
                rules.iter().for_each(|rule| tally.note((at, chain), rule));
            }
            let Some(of_table) = tally.tables.get_mut(at) else { continue };
            for element in table.sets.iter().flat_map(|s| &s.elements) {
                of_table.jump(element.value.as_ref().and_then(|v| v.verdict()));
            }
        }
        tally
    }

    /// Takes over what another one noted of other rules of the same tables.
    pub fn join(&mut self, other: Self) {
        for (mine, theirs) in self.tables.iter_mut().zip(other.tables) {
            for ((count, traits), (more, others)) in mine.chains.iter_mut().zip(theirs.chains) {
                *count += more;
                traits.join(others);
            }
            for (to, more) in theirs.jumps {
                *mine.jumps.entry(to).or_default() += more;
            }
        }
    }

    /// Takes a rule of that table and chain into account.
    pub fn note(&mut self, (table, chain): (usize, usize), rule: &Rule) {
        let Some(table) = self.tables.get_mut(table) else { return };
        if let Some((count, traits)) = table.chains.get_mut(chain) {
            *count += 1;
            traits.note(rule);
        }
        for expr in &rule.exprs {
            if let Expr::Immediate(i) = expr {
                table.jump(i.verdict());
            }
        }
    }

    /// Does each chain hold as many rules as the kernel counted uses of it, beside the jumps to it?
    ///
    /// The kernel announces a new generation a moment before it switches to it, so that neither the generation nor the
    /// dump's own mark betrays a reading that falls into that moment.
    pub fn adds_up(&self, tables: &[Table]) -> bool {
        tables.iter().zip(&self.tables).all(|(table, tally)| {
            table.chains.iter().zip(&tally.chains).all(|(chain, (rules, _))| {
                let jumps = tally.jumps.get(&chain.def.name).copied().unwrap_or(0);
                // A chain that belongs to a rule is counted in its own way.
                is_bound(chain) || rules + jumps == chain.def.uses as usize
            })
        })
    }

    /// Tells the tables' makers apart.
    pub fn classify(&self, tables: &mut [Table]) {
        for (table, tally) in tables.iter_mut().zip(&self.tables) {
            let traits: Vec<Traits> = tally.chains.iter().map(|(_, traits)| *traits).collect();
            classify::classify_by(table, &traits);
        }
    }
}

impl OfTable {
    fn jump(&mut self, verdict: Option<&Verdict>) {
        let Some(to) = verdict.and_then(Verdict::chain) else { return };
        match self.jumps.get_mut(to) {
            Some(count) => *count += 1,
            None => _ = self.jumps.insert(to.clone(), 1),
        }
    }
}
