//! Lookup structures beside a table of nf_tables: made once, used for every packet.
//!
//! They hold positions in the [`Table`] that they were made for and nothing of the table itself, so that the table
//! stays what it is: plain data that serialises and compares.

mod concat;
mod hash;
mod interval;
mod set;

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::nft::Table;
use crate::sys::Text;
use crate::sys::nft::ObjectKind;

pub use set::SetIndex;

/// The lookup structures of one table.
#[derive(Debug, Default)]
pub struct TableIndex {
    chains: FxHashMap<Text, usize>,
    sets: FxHashMap<Text, usize>,
    objects: FxHashMap<(u32, Text), usize>,
    elements: Vec<OnceLock<SetIndex>>,
    rules: usize,
}

impl TableIndex {
    /// Of that table. Sets are indexed when they are first asked.
    pub fn new(table: &Table) -> Self {
        Self {
            chains: table.chains.iter().enumerate().map(|(i, c)| (c.def.name.clone(), i)).collect(),
            sets: table.sets.iter().enumerate().map(|(i, s)| (s.def.name.clone(), i)).collect(),
            objects: table.objects.iter().enumerate().map(|(i, o)| ((o.kind.code(), o.name.clone()), i)).collect(),
            elements: std::iter::repeat_with(OnceLock::new).take(table.sets.len()).collect(),
            rules: table.chains.iter().map(|c| c.rules.len()).sum(),
        }
    }

    /// How many rules the table has.
    pub fn rules(&self) -> usize {
        self.rules
    }

    /// The position in [`Table::chains`] of the chain of that name.
    pub fn chain(&self, name: &Text) -> Option<usize> {
        self.chains.get(name).copied()
    }

    /// The position in [`Table::sets`] of the set of that name.
    pub fn set(&self, name: &Text) -> Option<usize> {
        self.sets.get(name).copied()
    }

    /// The position in [`Table::objects`] of the object of that kind and name.
    pub fn object(&self, kind: ObjectKind, name: &Text) -> Option<usize> {
        self.objects.get(&(kind.code(), name.clone())).copied()
    }

    /// The elements of the set at that position of the same table; built the first time.
    pub fn elements(&self, table: &Table, set: usize) -> Option<&SetIndex> {
        let set_def = table.sets.get(set)?;
        Some(self.elements.get(set)?.get_or_init(|| SetIndex::new(set_def)))
    }
}
