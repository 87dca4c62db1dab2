//! `-m dscp` (include/uapi/linux/netfilter/xt_dscp.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The upper six bits of TOS or traffic class (`struct xt_dscp_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Dscp {
    /// The differentiated services code point.
    pub dscp: u8,
    /// Inverted, if not 0.
    pub invert: u8,
}

impl Dscp {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
