//! Rulesets laid out for reading: what stands at each hook in the order in which packets meet it, what can stop a
//! packet, what policies there are, and how fast counters grow.

mod blockers;
mod chain;
mod entry;
mod hooks;
mod jumps;
mod named;
mod policies;
mod rates;
mod select;

pub use blockers::{Blocker, Blockers, Kind, Order};
pub use chain::Chain;
pub use entry::Entry;
pub use hooks::{Hooks, Met, Stand};
pub use jumps::{Jumps, is_base};
pub use named::Named;
pub use policies::{Policy, policies};
pub use rates::{Meter, Rate, Rates};
pub use select::{NoSuchTable, Selector};

use crate::blame::describe::Describer;
use crate::evaluate::{ChainRef, Place, TableRef};
use crate::ruleset::Ruleset;
use crate::ruleset::render::Lines;

/// A ruleset that is laid out.
#[derive(Debug)]
pub struct Listing<'a> {
    rules: &'a Ruleset,
    lines: Lines<'a>,
    ipsets: bool,
}

impl<'a> Listing<'a> {
    /// Nothing is rendered before it is needed.
    pub fn new(rules: &'a Ruleset) -> Self {
        Self { rules, lines: Lines::new(rules), ipsets: true }
    }

    /// Leaves out ipsets, which belong to no table.
    pub fn without_ipsets(self) -> Self {
        Self { ipsets: false, ..self }
    }

    /// The ruleset.
    pub fn rules(&self) -> &'a Ruleset {
        self.rules
    }

    /// A rule, or with no position the policy, as people read it.
    pub fn entry(&self, at: Place) -> Entry {
        let describer = self.describer();
        let text = match at.position {
            Some(_) => self.lines.rule(at, describer.backend(at)),
            None => describer.text(at),
        };
        describer.culprit_of(at, text).into()
    }

    /// A chain without its rules.
    pub fn chain(&self, at: ChainRef) -> Chain {
        Chain::new(self.rules, &self.describer(), at)
    }

    /// The rules of a chain, rendered one by one.
    pub fn entries(&self, at: ChainRef) -> impl Iterator<Item = Entry> {
        (1..=len(self.rules, at)).map(move |n| self.entry(Place { chain: at, position: Some(n) }))
    }

    fn describer(&self) -> Describer<'a> {
        Describer { rules: self.rules, history: None, keepers: None }
    }
}

/// All chains of a ruleset: those of nf_tables, then the legacy ones.
pub fn chains(rules: &Ruleset) -> impl Iterator<Item = ChainRef> {
    let nft = rules.nft.iter().enumerate().map(|(t, table)| (TableRef::Nft(t), table.chains.len()));
    let xt = rules.xt.iter().enumerate().map(|(t, table)| (TableRef::Xt(t), table.chains().len()));
    nft.chain(xt).flat_map(|(table, n)| (0..n).map(move |chain| ChainRef { table, chain }))
}

/// How many rules a chain has.
pub(crate) fn len(rules: &Ruleset, at: ChainRef) -> usize {
    match at.table {
        TableRef::Nft(t) => rules.nft.get(t).and_then(|t| t.chains.get(at.chain)).map_or(0, |c| c.rules.len()),
        TableRef::Xt(t) => rules.xt.get(t).and_then(|t| t.nth_chain(at.chain)).map_or(0, |c| c.len()),
    }
}
