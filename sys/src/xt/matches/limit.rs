//! `-m limit` (include/uapi/linux/netfilter/xt_limit.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// A token bucket (`struct xt_rateinfo`); its state stays in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Limit {
    /// Time between two packets, in ten-thousandths of a second (`XT_LIMIT_SCALE`).
    pub average: u32,
    /// How many packets may come at once.
    pub burst: u32,
}

impl Limit {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
