//! `-m statistic` (include/uapi/linux/netfilter/xt_statistic.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Some packets, at random or in turn (`struct xt_statistic_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Statistic {
    /// `XT_STATISTIC_MODE_*`.
    pub mode: u16,
    /// `XT_STATISTIC_*`.
    pub flags: u16,
    /// Random: the probability, in 2⁻³¹. Nth: every so many packets, less one.
    pub value: u32,
    /// Nth: the first packet that matches.
    pub packet: u32,
}

impl Statistic {
    /// `XT_STATISTIC_MODE_RANDOM`
    pub const RANDOM: u16 = 0;
    /// `XT_STATISTIC_MODE_NTH`
    pub const NTH: u16 = 1;
    /// `XT_STATISTIC_INVERT`
    pub const INVERT: u16 = 0x1;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
