//! `-m mac` (include/uapi/linux/netfilter/xt_mac.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The hardware address that a packet came from (`struct xt_mac_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Mac {
    /// The address.
    pub source: [u8; 6],
    /// Inverted, if not 0.
    pub invert: i32,
}

impl Mac {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
