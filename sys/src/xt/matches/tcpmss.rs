//! `-m tcpmss` (include/uapi/linux/netfilter/xt_tcpmss.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The maximum segment size of a SYN (`struct xt_tcpmss_match_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tcpmss {
    /// At least this.
    pub min: u16,
    /// At most this.
    pub max: u16,
    /// Inverted, if not 0.
    pub invert: u8,
}

impl Tcpmss {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
