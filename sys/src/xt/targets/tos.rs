//! `-j TOS` (include/uapi/linux/netfilter/xt_DSCP.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Sets bits of the type of service or traffic class (`struct xt_tos_target_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tos {
    /// The value xored in.
    pub value: u8,
    /// The bits cleared before.
    pub mask: u8,
}

impl Tos {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 1).then(|| read(data)).flatten()
    }
}
