//! `-j MARK` (include/uapi/linux/netfilter/xt_mark.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Sets the packet's mark to `mark & !mask ^ value` (`struct xt_mark_tginfo2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Mark {
    /// The value xored in.
    pub mark: u32,
    /// The bits cleared before.
    pub mask: u32,
}

impl Mark {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 2).then(|| read(data)).flatten()
    }
}
