//! A table, prepared for being written.

use nfblame_sys::Text;
use nfblame_sys::nft::{ChainFlags, Family};
use rustc_hash::FxHashMap;

use super::set::{self, SetView};
use crate::ruleset::nft;

/// A table with what its sets mean and where its anonymous chains are, so that its rules can be written one by one.
#[derive(Debug)]
pub struct View<'a> {
    table: &'a nft::Table,
    sets: FxHashMap<&'a [u8], SetView<'a>>,
    blocks: FxHashMap<&'a [u8], &'a nft::Chain>,
}

impl<'a> View<'a> {
    /// Prepares a table. Cheap: a step for each set and chain, none for rules or elements.
    pub fn new(table: &'a nft::Table) -> Self {
        let sets = table.sets.iter().map(|s| (s.def.name.as_bytes(), SetView::new(s))).collect();
        let blocks = table.chains.iter().filter(|c| c.def.flags.contains(ChainFlags::BINDING));
        Self { table, sets, blocks: blocks.map(|c| (c.def.name.as_bytes(), c)).collect() }
    }

    /// The same, and where nft would misread the sets of its own rules, they are read by what the rules load. A step for
    /// each rule, if there are such sets.
    pub fn exact(table: &'a nft::Table) -> Self {
        let mut view = Self::new(table);
        if view.sets.values().any(SetView::lacks_widths) {
            table.chains.iter().flat_map(|c| &c.rules).for_each(|rule| set::learn(rule, &mut view.sets));
        }
        view
    }

    /// The table.
    pub fn table(&self) -> &'a nft::Table {
        self.table
    }

    pub(super) fn family(&self) -> Family {
        self.table.def.family
    }

    pub(super) fn set(&self, name: &Text) -> Option<&SetView<'a>> {
        self.sets.get(name.as_bytes())
    }

    /// The anonymous chain of that name.
    pub(super) fn block(&self, name: &Text) -> Option<&'a nft::Chain> {
        self.blocks.get(name.as_bytes()).copied()
    }
}
