//! ipsets: what the `set` match asks.

mod index;
mod lookup;

use std::sync::OnceLock;

use nfblame_sys::Text;
use nfblame_sys::ipset::{Element, Header, Member, Set};
use rustc_hash::FxHashMap;
use serde::{Serialize, Serializer};

use index::Index;
pub use lookup::{Ask, Found, Subject};

/// A set that can be asked.
#[derive(Debug, Clone)]
pub struct IpSet {
    set: Set,
    /// Made when the set is asked for the first time.
    index: OnceLock<Index>,
}

impl IpSet {
    /// What it was made with.
    pub fn header(&self) -> &Header {
        &self.set.header
    }

    /// Its elements, in the kernel's order.
    pub fn members(&self) -> &[Member] {
        &self.set.members
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(&self.set))
    }
}

impl Serialize for IpSet {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.set.serialize(s)
    }
}

/// All sets of a network namespace.
#[derive(Debug, Clone, Default)]
pub struct IpSets {
    sets: Vec<IpSet>,
    by_name: FxHashMap<Text, usize>,
    by_index: FxHashMap<u16, usize>,
}

impl IpSets {
    /// Takes the sets as [`nfblame_sys::ipset::read`] found them.
    pub fn new(sets: Vec<Set>) -> Self {
        let mut all = Self::default();
        for set in sets {
            let place = all.sets.len();
            all.by_name.insert(set.header.name.clone(), place);
            if let Some(index) = set.header.index {
                all.by_index.insert(index, place);
            }
            all.sets.push(IpSet { set, index: OnceLock::new() });
        }
        all
    }

    /// The set that rules call by that index.
    pub fn by_index(&self, index: u16) -> Option<&IpSet> {
        self.by_index.get(&index).and_then(|&place| self.sets.get(place))
    }

    /// The set of that name.
    pub fn by_name(&self, name: &[u8]) -> Option<&IpSet> {
        self.by_name.get(name).and_then(|&place| self.sets.get(place))
    }

    /// Takes an element out of a set. False: it is not there.
    pub fn remove(&mut self, name: &[u8], element: &Element) -> bool {
        let Some(set) = self.by_name.get(name).and_then(|&place| self.sets.get_mut(place)) else { return false };
        let before = set.set.members.len();
        set.set.members.retain(|m| m.element != *element);
        set.index = OnceLock::new();
        set.set.members.len() < before
    }

    /// All of them, lists behind the sets that they list.
    pub fn iter(&self) -> impl Iterator<Item = &IpSet> {
        self.sets.iter()
    }
}

impl Serialize for IpSets {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(&self.sets)
    }
}

#[cfg(test)]
mod tests;
