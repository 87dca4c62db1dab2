//! `-m mark` (include/uapi/linux/netfilter/xt_mark.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The mark of a packet (`struct xt_mark_mtinfo1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Mark {
    /// The bits that the packet's mark must have.
    pub mark: u32,
    /// The bits looked at.
    pub mask: u32,
    /// Inverted, if not 0.
    pub invert: u8,
}

impl Mark {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 1).then(|| read(data)).flatten()
    }
}
