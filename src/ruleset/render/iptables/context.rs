//! What a line needs to know beyond its own bytes.

use nfblame_sys::Text;
use nfblame_sys::xt::Family;

use crate::ruleset::ipset::IpSets;

/// Names that are not in the ruleset itself.
pub trait Names: Sync {
    /// The ipset of that index; `None` if it cannot be told.
    fn set(&self, _index: u16) -> Option<Text> {
        None
    }
}

/// Knows no names: sets stay numbers.
impl Names for () {}

impl Names for IpSets {
    fn set(&self, index: u16) -> Option<Text> {
        self.by_index(index).map(|set| set.header().name.clone())
    }
}

/// Where a match or target stands.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The table's family: names and payloads differ between them.
    pub family: Family,
    /// Names from elsewhere.
    pub names: &'a dyn Names,
}

impl<'a> Context<'a> {
    /// A rule of that family.
    pub fn new(family: Family, names: &'a dyn Names) -> Self {
        Self { family, names }
    }
}
