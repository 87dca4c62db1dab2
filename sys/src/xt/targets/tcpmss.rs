//! `-j TCPMSS` (include/uapi/linux/netfilter/xt_TCPMSS.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Lowers the maximum segment size of a SYN (`struct xt_tcpmss_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tcpmss {
    /// Bytes, or [`Self::CLAMP_TO_PMTU`].
    pub mss: u16,
}

impl Tcpmss {
    /// `XT_TCPMSS_CLAMP_PMTU`
    pub const CLAMP_TO_PMTU: u16 = 0xffff;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
