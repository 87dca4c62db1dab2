//! Whose the chains of one ruleset are, looked for once: it takes a look at all their rules.

use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::{Manager, find};
use crate::evaluate::{ChainRef, Place, TableRef};
use crate::ruleset::Ruleset;

/// What was found. It belongs to one ruleset, and is asked about no other.
#[derive(Debug, Default)]
pub struct Keepers {
    chains: Found<ChainRef, Option<&'static Manager>>,
    marks: Found<TableRef, Vec<&'static Manager>>,
}

type Found<K, V> = Mutex<FxHashMap<K, V>>;

impl Keepers {
    /// As [`of_rule`](super::of_rule).
    pub fn of_rule(&self, rules: &Ruleset, at: Place) -> Option<&'static Manager> {
        match at.position {
            Some(position) => find::by_names(rules, at.chain, position, || {
                once(&self.marks, at.chain.table, || find::marked(rules, at.chain.table))
            }),
            None => once(&self.chains, at.chain, || find::of_chain(rules, at.chain)),
        }
    }
}

fn once<K: Eq + Hash, V: Clone>(found: &Found<K, V>, what: K, look: impl FnOnce() -> V) -> V {
    found.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_insert_with(look).clone()
}
