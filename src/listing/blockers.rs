//! Everything in the rules that ends a packet's life: rules that drop or reject, policies, verdict maps, queues that nobody
//! reads.

mod nft;
mod xt;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{Entry, Hooks, Jumps, Listing, chains};
use crate::blame::Counters;
use crate::evaluate::{ChainRef, Fact, Place, TableRef};

/// What kind of thing stops packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A rule that drops.
    Drop,
    /// A rule that rejects: the sender is told.
    Reject,
    /// A rule that drops or rejects what is over a rate, a quota or a number of connections.
    Limit,
    /// The policy of a base chain.
    Policy,
    /// An element of a verdict map.
    Map,
    /// A rule that sends packets to a queue that nobody reads.
    Queue,
}

impl Kind {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Reject => "reject",
            Self::Limit => "limit",
            Self::Policy => "policy",
            Self::Map => "map",
            Self::Queue => "queue",
        }
    }
}

/// Something that stops packets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Blocker {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What the rule or policy counted of packets that it stopped.
    pub blocked: Option<Counters>,
    /// The rule or policy. Its own counters may have counted packets that passed, too.
    #[serde(flatten)]
    pub entry: Entry,
    /// The verdict map, and the element of it.
    pub map: Option<String>,
    /// As nft lists it.
    pub element: Option<String>,
    /// What else there is to say: the queues without reader, the over-limit.
    pub detail: Option<String>,
    /// The hooks from which packets get here: `ip input`. None: nothing leads here, or its table is dormant.
    pub hooks: Vec<String>,
    #[serde(skip)]
    at: Place,
}

impl Blocker {
    /// Where it stands.
    pub fn place(&self) -> Place {
        self.at
    }
}

/// By what to sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Most packets stopped first; those that do not count last.
    #[default]
    Packets,
    /// Most bytes first.
    Bytes,
    /// As they stand in the rulesets.
    Place,
}

/// What one rule does to packets that it matches, where that ends them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stops {
    kind: Kind,
    detail: Option<String>,
    /// The map and its element.
    element: Option<(String, String)>,
    /// Some: not what the rule itself counted.
    counters: Option<Option<Counters>>,
}

impl Stops {
    fn new(kind: Kind) -> Self {
        Self { kind, detail: None, element: None, counters: None }
    }

    fn because(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

/// Finds everything that stops packets. `has_reader` says whether a queue has one.
#[derive(Debug)]
pub struct Blockers<'a, 'r, F> {
    listing: &'a Listing<'r>,
    has_reader: F,
    hooks: FxHashMap<ChainRef, Vec<String>>,
}

impl<'a, 'r, F: Fn(u16) -> Fact<bool>> Blockers<'a, 'r, F> {
    /// Prepares to look.
    pub fn new(listing: &'a Listing<'r>, has_reader: F) -> Self {
        Self { listing, has_reader, hooks: hooks(listing) }
    }

    /// All of them.
    pub fn find(&self, order: Order) -> Vec<Blocker> {
        let mut all: Vec<Blocker> = chains(self.listing.rules()).flat_map(|chain| self.of_chain(chain)).collect();
        match order {
            Order::Packets => all.sort_by_key(|b| std::cmp::Reverse(b.blocked.map(|c| c.packets))),
            Order::Bytes => all.sort_by_key(|b| std::cmp::Reverse(b.blocked.map(|c| c.bytes))),
            Order::Place => {}
        }
        all
    }

    fn of_chain(&self, chain: ChainRef) -> Vec<Blocker> {
        let rules = self.listing.rules();
        let at = |position| Place { chain, position };
        let mut found = Vec::new();
        match chain.table {
            TableRef::Nft(t) => {
                let Some(table) = rules.nft.get(t) else { return found };
                let Some(c) = table.chains.get(chain.chain) else { return found };
                for (i, rule) in c.rules.iter().enumerate() {
                    let elements = |map: &_| self.listing.lines.elements(t, map);
                    let stops = nft::rule(table, rule, &self.has_reader, elements);
                    found.extend(stops.into_iter().map(|s| self.blocker(at(Some(i + 1)), s)));
                }
                if c.def.base.as_ref().is_some_and(|b| b.policy == crate::sys::nft::Verdict::Drop) {
                    found.push(self.blocker(at(None), Stops::new(Kind::Policy)));
                }
            }
            TableRef::Xt(t) => {
                let Some(table) = rules.xt.get(t) else { return found };
                let Some(c) = table.nth_chain(chain.chain) else { return found };
                for rule in c.rules() {
                    let stops = xt::rule(&rule, &self.has_reader);
                    found.extend(stops.map(|s| self.blocker(at(Some(rule.position)), s)));
                }
                if c.policy() == Some(crate::sys::xt::Verdict::Drop) {
                    found.push(self.blocker(at(None), Stops::new(Kind::Policy)));
                }
            }
        }
        found
    }

    fn blocker(&self, at: Place, stops: Stops) -> Blocker {
        let entry = self.listing.entry(at);
        let (map, element) = stops.element.unzip();
        let blocked = stops.counters.unwrap_or(entry.counters);
        let hooks = self.hooks.get(&at.chain).cloned().unwrap_or_default();
        Blocker { kind: stops.kind, blocked, entry, map, element, detail: stops.detail, hooks, at }
    }
}

/// For each chain, the hooks from which packets get there.
fn hooks(listing: &Listing<'_>) -> FxHashMap<ChainRef, Vec<String>> {
    let rules = listing.rules();
    let mut of_base: FxHashMap<ChainRef, Vec<String>> = FxHashMap::default();
    for hook in Hooks::of(rules) {
        for chain in hook.stands.iter().filter_map(|s| s.met.chain()) {
            of_base.entry(chain).or_default().push(hook.name());
        }
    }
    let bases = Jumps::new(rules).bases(rules);
    let names =
        |bases: Vec<ChainRef>| bases.iter().flat_map(|b| of_base.get(b).into_iter().flatten().cloned()).collect();
    bases.into_iter().map(|(chain, bases)| (chain, names(bases))).collect()
}

/// Does anybody read these queues? None: packets pass, or are read.
fn queues(first: u16, total: u16, bypass: bool, has_reader: &dyn Fn(u16) -> Fact<bool>) -> Option<Stops> {
    if bypass {
        return None;
    }
    let stops = Stops::new(Kind::Queue);
    let mut without = Vec::new();
    for queue in (0..total.max(1)).map(|n| first.wrapping_add(n)) {
        match has_reader(queue) {
            Fact::Is(true) => {}
            Fact::Is(false) | Fact::Absent => without.push(queue),
            Fact::Unknown(why) => {
                return Some(stops.because(format!("whether queue {queue} has a reader is not known: {why}")));
            }
        }
    }
    match without.as_slice() {
        [] => None,
        [one] => Some(stops.because(format!("queue {one} has no reader"))),
        all if all.len() == usize::from(total.max(1)) => {
            Some(stops.because(format!("queues {first}-{} have no reader", first.wrapping_add(total - 1))))
        }
        [first, ..] => {
            Some(stops.because(format!("{} of {total} queues have no reader, such as {first}", without.len())))
        }
    }
}
