//! `-m connmark` (include/uapi/linux/netfilter/xt_connmark.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The mark of a connection (`struct xt_connmark_mtinfo1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Connmark {
    /// The bits that the connection's mark must have.
    pub mark: u32,
    /// The bits looked at.
    pub mask: u32,
    /// Inverted, if not 0.
    pub invert: u8,
}

impl Connmark {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 1).then(|| read(data)).flatten()
    }
}
