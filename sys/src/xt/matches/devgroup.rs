//! `-m devgroup` (include/uapi/linux/netfilter/xt_devgroup.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Groups of interfaces (`struct xt_devgroup_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Devgroup {
    /// `XT_DEVGROUP_*`.
    pub flags: u32,
    /// The group of the interface it came in by.
    pub source: u32,
    /// The bits looked at.
    pub source_mask: u32,
    /// The group of the interface it goes out by.
    pub destination: u32,
    /// The bits looked at.
    pub destination_mask: u32,
}

impl Devgroup {
    /// `XT_DEVGROUP_MATCH_SRC`
    pub const SOURCE: u32 = 0x1;
    /// `XT_DEVGROUP_INVERT_SRC`
    pub const INVERT_SOURCE: u32 = 0x2;
    /// `XT_DEVGROUP_MATCH_DST`
    pub const DESTINATION: u32 = 0x4;
    /// `XT_DEVGROUP_INVERT_DST`
    pub const INVERT_DESTINATION: u32 = 0x8;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
