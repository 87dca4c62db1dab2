//! `-m rateest` (include/uapi/linux/netfilter/xt_rateest.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::TextRef;
use crate::xt::wire::read;

/// The rate that an estimator measured (`struct xt_rateest_match_info`); the rate stays in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rateest<'a> {
    /// The estimator.
    pub first: TextRef<'a>,
    /// With `RELATIVE`: the estimator it is compared with.
    pub second: TextRef<'a>,
    /// `XT_RATEEST_MATCH_*`.
    pub flags: u16,
    /// `EQUAL`, `LESS` or `GREATER`.
    pub mode: u16,
    /// With `DELTA`: bytes per second taken off the first rate.
    pub bps1: u32,
    /// With `DELTA`: packets per second taken off the first rate.
    pub pps1: u32,
    /// Bytes per second compared with, or taken off the second rate.
    pub bps2: u32,
    /// Packets per second compared with, or taken off the second rate.
    pub pps2: u32,
}

impl<'a> Rateest<'a> {
    /// `XT_RATEEST_MATCH_INVERT`
    pub const INVERT: u16 = 1 << 0;
    /// `XT_RATEEST_MATCH_ABS`: compared with a number.
    pub const ABSOLUTE: u16 = 1 << 1;
    /// `XT_RATEEST_MATCH_REL`: compared with another estimator.
    pub const RELATIVE: u16 = 1 << 2;
    /// `XT_RATEEST_MATCH_DELTA`: differences are compared.
    pub const DELTA: u16 = 1 << 3;
    /// `XT_RATEEST_MATCH_BPS`
    pub const BPS: u16 = 1 << 4;
    /// `XT_RATEEST_MATCH_PPS`
    pub const PPS: u16 = 1 << 5;
    /// `XT_RATEEST_MATCH_EQ`
    pub const EQUAL: u16 = 1;
    /// `XT_RATEEST_MATCH_LT`
    pub const LESS: u16 = 2;
    /// `XT_RATEEST_MATCH_GT`
    pub const GREATER: u16 = 3;

    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Info {
            flags: u16,
            mode: u16,
            bps1: u32,
            pps1: u32,
            bps2: u32,
            pps2: u32,
        }
        if revision != 0 {
            return None;
        }
        let Info { flags, mode, bps1, pps1, bps2, pps2 } = read(data.get(32..)?)?;
        let (first, second) = (TextRef::from_c(data.get(..16)?), TextRef::from_c(data.get(16..32)?));
        Some(Self { first, second, flags, mode, bps1, pps1, bps2, pps2 })
    }
}
