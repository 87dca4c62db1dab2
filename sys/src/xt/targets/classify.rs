//! `-j CLASSIFY` (include/uapi/linux/netfilter/xt_CLASSIFY.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Sets the packet's priority, which queueing disciplines take as class (`struct xt_classify_target_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Classify {
    /// `skb->priority`: major number in the high 16 bits.
    pub priority: u32,
}

impl Classify {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
