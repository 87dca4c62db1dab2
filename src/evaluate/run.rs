//! A ruleset made ready for packets, and running one base chain of it, of whichever backend.

use crate::ruleset::Ruleset;
use crate::ruleset::index::TableIndex;
use crate::ruleset::nft::Table;

use super::context::Context;
use super::decision::Decision;
use super::headers::Network;
use super::hook::Hook;
use super::place::{ChainRef, Place, TableRef};
use super::traversal::{Begin, Ended, Tried};
use super::xt::table::Program;
use super::{nft, tracking};

/// A ruleset with everything resolved that does not depend on the packet.
pub struct Prepared<'r> {
    /// The ruleset.
    pub rules: &'r Ruleset,
    indexes: Vec<TableIndex>,
    filed: Vec<nft::FiledTable>,
    programs: Vec<Program<'r>>,
    tracks: [bool; 2],
    tracks_on_bridges: bool,
    translates: [bool; 2],
    collects: [bool; 2],
    masquerades: bool,
    marks: bool,
}

impl<'r> Prepared<'r> {
    /// Prepares a ruleset.
    pub fn new(rules: &'r Ruleset) -> Self {
        Self {
            rules,
            indexes: rules.nft.iter().map(TableIndex::new).collect(),
            filed: rules.nft.iter().map(nft::FiledTable::new).collect(),
            programs: rules.xt.iter().enumerate().map(|(i, t)| Program::new(TableRef::Xt(i), t)).collect(),
            tracks: [Network::Ip4, Network::Ip6].map(|n| tracking::is_needed(rules, n)),
            tracks_on_bridges: tracking::is_needed_on_bridges(rules),
            collects: [Network::Ip4, Network::Ip6].map(|n| tracking::collects_fragments(rules, n)),
            masquerades: tracking::masquerades(rules),
            marks: tracking::marks_connections(rules),
            translates: [Network::Ip4, Network::Ip6].map(|n| tracking::translates(rules, n)),
        }
    }

    /// Runs a base chain over the packet in `cx`; `each` is told of every rule that matched, and with
    /// [`Context::explain`] of those that did not.
    pub fn base_chain(
        &self,
        cx: &mut Context<'_>,
        base: ChainRef,
        begin: &Begin,
        each: &mut dyn FnMut(Tried),
    ) -> Ended {
        let missing = || Ended {
            decision: Decision::Unknown("a chain that is not in the ruleset".into()),
            at: Place { chain: base, position: None },
        };
        match base.table {
            TableRef::Nft(t) => match (self.rules.nft.get(t), self.indexes.get(t)) {
                (Some(table), Some(index)) => {
                    nft::run_known(cx, (table, index, self.filed.get(t)), base, begin, Some(each))
                }
                _ => missing(),
            },
            TableRef::Xt(t) => self.programs.get(t).and_then(|p| p.run(cx, begin, each)).unwrap_or_else(missing),
        }
    }

    /// Every way from base chains at a hook to a chain of the same table: the base chain, and the stack of
    /// [`Begin::After`]. False if there are more ways than these.
    pub fn ways_to(&self, hook: Hook, chain: ChainRef) -> (Vec<(ChainRef, Vec<Place>)>, bool) {
        match chain.table {
            TableRef::Nft(t) => match (self.rules.nft.get(t), self.indexes.get(t)) {
                (Some(table), Some(index)) => {
                    let (paths, all) = nft::call_stacks(table, index, chain.table, chain.chain, hook);
                    (paths.into_iter().map(|p| (p.base, p.stack)).collect(), all)
                }
                _ => (Vec::new(), true),
            },
            TableRef::Xt(t) => {
                let Some(program) = self.programs.get(t) else { return (Vec::new(), true) };
                let Some(base) = program.base(hook) else { return (Vec::new(), true) };
                let base = ChainRef { table: chain.table, chain: base };
                let (stacks, all) = program.call_stacks(hook, chain.chain);
                (stacks.into_iter().map(|s| (base, s)).collect(), all)
            }
        }
    }

    /// A table of nf_tables and its lookup structures.
    pub(super) fn nft_table(&self, table: usize) -> Option<(&Table, &TableIndex)> {
        self.rules.nft.get(table).zip(self.indexes.get(table))
    }

    /// A legacy table made ready.
    pub(super) fn program(&self, table: usize) -> Option<&Program<'r>> {
        self.programs.get(table)
    }

    /// Do rules need connections of that network protocol tracked?
    pub fn tracks_connections(&self, network: Network) -> bool {
        of(&self.tracks, network)
    }

    /// Do rules for bridges need connections tracked, so that it is done on the bridge (nf_conntrack_bridge)?
    pub fn tracks_on_bridges(&self) -> bool {
        self.tracks_on_bridges
    }

    /// Are fragments of that network protocol put together before rules see them?
    pub fn collects_fragments(&self, network: Network) -> bool {
        of(&self.collects, network)
    }

    /// Does any rule give a connection a mark or a label?
    pub fn marks_connections(&self) -> bool {
        self.marks
    }

    /// Does any rule masquerade?
    pub fn masquerades(&self) -> bool {
        self.masquerades
    }

    /// Does the kernel translate addresses of that network protocol here ([`tracking::translates`])?
    pub fn translates(&self, network: Network) -> bool {
        of(&self.translates, network)
    }
}

fn of(both: &[bool; 2], network: Network) -> bool {
    match network {
        Network::Ip4 => both[0],
        Network::Ip6 => both[1],
        _ => false,
    }
}
