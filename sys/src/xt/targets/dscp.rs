//! `-j DSCP` (include/uapi/linux/netfilter/xt_DSCP.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Sets the DSCP (`struct xt_DSCP_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Dscp {
    /// The code point, 0 to 63.
    pub dscp: u8,
}

impl Dscp {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
