//! `-m rpfilter` (include/uapi/linux/netfilter/xt_rpfilter.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// A reply would leave by the interface that the packet came in by (`struct xt_rpfilter_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Rpfilter {
    /// `XT_RPFILTER_*`.
    pub flags: u8,
}

impl Rpfilter {
    /// `XT_RPFILTER_LOOSE`: any interface will do.
    pub const LOOSE: u8 = 1 << 0;
    /// `XT_RPFILTER_VALID_MARK`: the packet's mark counts.
    pub const VALID_MARK: u8 = 1 << 1;
    /// `XT_RPFILTER_ACCEPT_LOCAL`
    pub const ACCEPT_LOCAL: u8 = 1 << 2;
    /// `XT_RPFILTER_INVERT`
    pub const INVERT: u8 = 1 << 3;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
