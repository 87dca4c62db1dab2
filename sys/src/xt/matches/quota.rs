//! `-m quota` (include/uapi/linux/netfilter/xt_quota.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// So many bytes, then no more (`struct xt_quota_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Quota {
    /// `XT_QUOTA_*`.
    pub flags: u32,
    #[serde(skip)]
    pad: u32,
    /// Bytes; the kernel shows what the rule began with, not what is left.
    pub quota: u64,
}

impl Quota {
    /// `XT_QUOTA_INVERT`
    pub const INVERT: u32 = 0x1;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
