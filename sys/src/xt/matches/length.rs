//! `-m length` (include/uapi/linux/netfilter/xt_length.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The length of the packet from the network header; IPv6 without that header (`struct xt_length_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Length {
    /// At least this many bytes.
    pub min: u16,
    /// At most this many bytes.
    pub max: u16,
    /// Inverted, if not 0.
    pub invert: u8,
}

impl Length {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
