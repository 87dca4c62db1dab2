//! `-m esp` (include/uapi/linux/netfilter/xt_esp.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The encapsulating security payload (`struct xt_esp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Esp {
    /// Security parameter indices, both ends included.
    pub spis: [u32; 2],
    /// `XT_ESP_INV_*`.
    pub invert: u8,
}

impl Esp {
    /// `XT_ESP_INV_SPI`
    pub const INVERT_SPI: u8 = 0x01;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
