//! How fast counters grow.

use std::time::Instant;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{Entry, Listing, chains, len};
use crate::blame::Counters;
use crate::blame::describe::counters;
use crate::evaluate::{ChainRef, Place, TableRef};
use crate::ruleset::Ruleset;
use crate::sys::nft::Family;
use crate::sys::{Text, xt};

/// Compares the counters of a ruleset with those that it had before.
#[derive(Debug, Default)]
pub struct Meter {
    before: Option<Before>,
}

#[derive(Debug)]
struct Before {
    when: Instant,
    counts: FxHashMap<Key, Counters>,
    /// What the positions of legacy rules mean only while these stay as they are.
    xt: Vec<xt::Table>,
}

/// What stays the same as long as the rule does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Of a rule in nf_tables: its handle.
    Rule(Family, Text, u64),
    /// Of a policy in nf_tables: the chain's handle.
    Policy(Family, Text, u64),
    Xt(xt::Family, Text, usize, Option<usize>),
}

/// How fast one counter grew.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rate {
    /// The rule or policy.
    #[serde(flatten)]
    pub entry: Entry,
    /// Packets since the last time.
    pub packets: u64,
    /// Bytes since the last time.
    pub bytes: u64,
    /// Packets a second.
    pub packets_per_second: f64,
    /// Bytes a second.
    pub bytes_per_second: f64,
}

/// What grew between two readings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rates {
    /// The time between them, in seconds.
    pub seconds: f64,
    /// What grew, the fastest first.
    pub rates: Vec<Rate>,
    /// Legacy tables that changed between them, of which nothing can be told this time.
    pub changed: Vec<String>,
}

impl Meter {
    /// What grew since the last time; none the first time. `wanted` says of which rules and policies to tell.
    pub fn read(&mut self, rules: &Ruleset, wanted: impl Fn(Place) -> bool) -> Option<Rates> {
        let when = Instant::now();
        let mut counts = FxHashMap::default();
        let mut grown = Vec::new();
        let before = self.before.take();
        let same = |t: &xt::Table| {
            let old = before.iter().flat_map(|b| &b.xt).find(|o| o.family() == t.family() && o.name() == t.name());
            old.is_some_and(|o| o.same_rules(t))
        };
        let same: Vec<bool> = rules.xt.iter().map(same).collect();
        for chain in chains(rules) {
            let comparable = match chain.table {
                TableRef::Nft(_) => true,
                TableRef::Xt(t) => same.get(t).copied().unwrap_or(false),
            };
            for position in (1..=len(rules, chain)).map(Some).chain([None]) {
                let at = Place { chain, position };
                let (Some(now), Some(key)) = (counters(rules, at), key(rules, at)) else { continue };
                if let Some(old) = before.as_ref().and_then(|b| b.counts.get(&key)).filter(|_| comparable) {
                    // A counter that was reset begins anew.
                    let since = |old, now: u64| now.checked_sub(old).unwrap_or(now);
                    let (packets, bytes) = (since(old.packets, now.packets), since(old.bytes, now.bytes));
                    if packets + bytes > 0 && wanted(at) {
                        grown.push((at, packets, bytes));
                    }
                }
                counts.insert(key, now);
            }
        }
        let rates = before.map(|b| {
            let seconds = when.duration_since(b.when).as_secs_f64().max(f64::MIN_POSITIVE);
            let listing = Listing::new(rules);
            grown.sort_by_key(|(_, packets, bytes)| std::cmp::Reverse((*packets, *bytes)));
            let rate = |(at, packets, bytes): (Place, u64, u64)| Rate {
                entry: listing.entry(at),
                packets,
                bytes,
                packets_per_second: packets as f64 / seconds,
                bytes_per_second: bytes as f64 / seconds,
            };
            let changed = rules.xt.iter().zip(&same).filter(|(_, same)| !**same);
            Rates {
                seconds,
                rates: grown.into_iter().map(rate).collect(),
                changed: changed
                    .map(|(t, _)| format!("{} {}", crate::blame::describe::xt_family_name(t.family()), t.name()))
                    .collect(),
            }
        });
        self.before = Some(Before { when, counts, xt: rules.xt.clone() });
        rates
    }
}

fn key(rules: &Ruleset, at: Place) -> Option<Key> {
    let ChainRef { table, chain } = at.chain;
    match table {
        TableRef::Nft(t) => {
            let table = rules.nft.get(t)?;
            let chain = table.chains.get(chain)?;
            let (family, name) = (table.def.family, table.def.name.clone());
            Some(match at.position {
                Some(p) => Key::Rule(family, name, chain.rule(p)?.handle),
                None => Key::Policy(family, name, chain.def.handle),
            })
        }
        TableRef::Xt(t) => {
            let table = rules.xt.get(t)?;
            Some(Key::Xt(table.family(), table.name().clone(), chain, at.position))
        }
    }
}
