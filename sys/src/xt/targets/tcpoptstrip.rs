//! `-j TCPOPTSTRIP` (include/uapi/linux/netfilter/xt_TCPOPTSTRIP.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Overwrites TCP options with no-operations (`struct xt_tcpoptstrip_target_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tcpoptstrip {
    /// Bit n of word n / 32: option n.
    pub bitmap: [u32; 8],
}

impl Tcpoptstrip {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }

    /// The options, ascending.
    pub fn options(&self) -> impl Iterator<Item = u8> {
        let bitmap = self.bitmap;
        (0..=u8::MAX).filter(move |n| bitmap.get(usize::from(n >> 5)).is_some_and(|word| word >> (n & 31) & 1 != 0))
    }
}
