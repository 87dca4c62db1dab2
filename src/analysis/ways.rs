//! Ways from base chains to what rules do: which packets come there, along jumps and through maps.

use crate::evaluate::{ChainRef, Place, TableRef};
use crate::finding::act::{self, Act};
use crate::ruleset::Ruleset;

use super::axis::Axes;
use super::chain::Chains;
use super::nft::Reader;
use super::region::Region;
use super::shape::MOST_REGIONS;

/// Something that a rule does with packets that come to it one way.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// The rule.
    pub at: Place,
    /// What it does, its map looked up.
    pub act: Act,
    /// Boxes that hold all packets that it may do that with. Some of them may never come: rules before are not asked.
    pub packets: Vec<Region>,
}

/// All ways to something.
#[derive(Debug, Default)]
pub struct Ways {
    /// The axes of the boxes.
    pub axes: Axes,
    /// The ways, in the order in which packets meet the rules.
    pub all: Vec<Way>,
    /// There may be more: it was given up.
    pub cut: bool,
}

/// Chains are followed so deep (`NFT_JUMP_STACK_SIZE`); a damaged table may have circles.
const DEEPEST: usize = 16;
/// So many rules and elements of maps are read.
const MOST_READ: usize = 200_000;

impl Ways {
    /// From these base chains to what is wanted.
    pub fn new(rules: &Ruleset, bases: impl IntoIterator<Item = ChainRef>, wanted: fn(&Act) -> bool) -> Self {
        let mut search =
            Search { rules, chains: Chains::new(rules), wanted, may_read: MOST_READ, found: Self::default() };
        for base in bases {
            search.chain(base, &[Region::all()], 0);
        }
        search.found
    }
}

struct Search<'a> {
    rules: &'a Ruleset,
    chains: Chains<'a>,
    wanted: fn(&Act) -> bool,
    may_read: usize,
    found: Ways,
}

impl Search<'_> {
    fn chain(&mut self, chain: ChainRef, come: &[Region], depth: usize) {
        let mut matter = Vec::new();
        let leads = |a: &Act| matches!(a, Act::Jump(_) | Act::Goto(_) | Act::Vmap(_));
        act::each(self.rules, chain, |at, acts| {
            matter.extend(acts.iter().any(|a| leads(a) || (self.wanted)(a)).then_some(at));
        });
        for at in matter {
            for (packets, acts) in self.rule(at).unwrap_or_default() {
                if self.may_read == 0 || depth > DEEPEST {
                    self.found.cut = true;
                    return;
                }
                self.may_read -= 1;
                let both = come.iter().flat_map(|c| packets.iter().filter_map(|p| c.and(p)));
                let mut packets: Vec<Region> = both.take(MOST_REGIONS + 1).collect();
                if packets.len() > MOST_REGIONS {
                    packets.truncate(MOST_REGIONS);
                    self.found.cut = true;
                }
                if packets.is_empty() {
                    continue;
                }
                for act in acts {
                    match act {
                        Act::Jump(to) | Act::Goto(to) => {
                            if let Some(to) = self.chains.named(chain.table, &to) {
                                self.chain(to, &packets, depth + 1);
                            }
                        }
                        act if (self.wanted)(&act) => {
                            self.found.all.push(Way { at, act, packets: packets.clone() });
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// What a rule matches and does; a rule with a map, for each of its elements.
    fn rule(&mut self, at: Place) -> Option<Vec<(Vec<Region>, Vec<Act>)>> {
        let axes = &mut self.found.axes;
        match at.chain.table {
            TableRef::Nft(t) => {
                let table = self.rules.nft.get(t)?;
                let rule = table.chains.get(at.chain.chain)?.rule(at.position?)?;
                let mut reader = Reader::new(table, axes);
                let given = reader.read_maps(rule, self.may_read + 1);
                let own = reader.conditions.regions;
                let left = |key: &Region| own.iter().filter_map(|r| r.and(key)).collect();
                Some(given.iter().map(|(key, given)| (left(key), act::with_given(rule, given))).collect())
            }
            TableRef::Xt(t) => {
                let table = self.rules.xt.get(t)?;
                let rule = table.nth_chain(at.chain.chain)?.rule(at.position?)?;
                let own = super::xt::conditions(&rule, axes).regions;
                Some(vec![(own, act::of_xt(table.family(), &rule))])
            }
        }
    }
}
