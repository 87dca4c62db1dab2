//! Which element of a set or map a key finds.

use super::concat::Concat;
use super::hash::Exact;
use super::interval::Intervals;
use crate::ruleset::nft::Set;
use crate::sys::nft::SetFlags;

/// The elements of one set, arranged for lookup as its flags say the kernel does it.
#[derive(Debug)]
pub struct SetIndex {
    kind: Kind,
    catchall: Option<u32>,
}

#[derive(Debug)]
enum Kind {
    /// `nft_set_hash`, `nft_set_bitmap`.
    Exact(Exact),
    /// `nft_set_rbtree`.
    Intervals(Intervals),
    /// `nft_set_pipapo`.
    Concat(Concat),
}

impl SetIndex {
    /// Arranges the elements.
    pub fn new(set: &Set) -> Self {
        let catchall = set.elements.iter().position(|e| e.is_catchall()).and_then(|i| u32::try_from(i).ok());
        let ranges = set.elements.iter().any(|e| e.key_end.is_some());
        let kind = if ranges || set.def.flags.contains(SetFlags::INTERVAL | SetFlags::CONCAT) {
            Kind::Concat(Concat::new(&set.elements, &set.def.fields, set.def.key_len))
        } else if set.def.flags.contains(SetFlags::INTERVAL) {
            Kind::Intervals(Intervals::new(&set.elements))
        } else {
            Kind::Exact(Exact::new(&set.elements))
        };
        Self { kind, catchall }
    }

    /// The position of the element that the key finds, the catch-all element left aside.
    ///
    /// `alive` says whether an element (by position) had not expired yet; it is asked only where that matters.
    pub fn find(&self, set: &Set, key: &[u8], mut alive: impl FnMut(u32) -> bool) -> Option<u32> {
        match &self.kind {
            Kind::Exact(x) => x.find(&set.elements, key, &mut alive),
            Kind::Intervals(x) => x.find(key, &mut alive),
            Kind::Concat(x) => x.find(key, &mut alive),
        }
    }

    /// The position of the catch-all element (`*`).
    pub fn catchall(&self) -> Option<u32> {
        self.catchall
    }
}
