//! `-j CHECKSUM` (include/uapi/linux/netfilter/xt_CHECKSUM.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Fills in checksums that offloading left out (`struct xt_CHECKSUM_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Checksum {
    /// `XT_CHECKSUM_OP_*`; 1 is the only one: fill.
    pub operation: u8,
}

impl Checksum {
    /// `XT_CHECKSUM_OP_FILL`
    pub const FILL: u8 = 0x01;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
