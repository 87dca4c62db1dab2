//! `-m ipcomp` (include/uapi/linux/netfilter/xt_ipcomp.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Compressed payload (`struct xt_ipcomp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ipcomp {
    /// Compression parameter indices, both ends included.
    pub spis: [u32; 2],
    /// `XT_IPCOMP_INV_*`.
    pub invert: u8,
    /// The reserved field must be 0, if this is not.
    pub reserved: u8,
}

impl Ipcomp {
    /// `XT_IPCOMP_INV_SPI`
    pub const INVERT_SPI: u8 = 0x01;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
