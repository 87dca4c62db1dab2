//! `-m iprange` (include/uapi/linux/netfilter/xt_iprange.h).

use std::net::IpAddr;

use serde::Serialize;

use crate::xt::Family;
use crate::xt::wire::{address, read};

/// Ranges of addresses (`struct xt_iprange_mtinfo` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Iprange {
    /// Sources, both ends included.
    pub source: (IpAddr, IpAddr),
    /// Destinations, both ends included.
    pub destination: (IpAddr, IpAddr),
    /// `IPRANGE_*`: what is looked at and inverted.
    pub flags: u8,
}

impl Iprange {
    /// `IPRANGE_SRC`
    pub const SOURCE: u8 = 1 << 0;
    /// `IPRANGE_DST`
    pub const DESTINATION: u8 = 1 << 1;
    /// `IPRANGE_SRC_INV`
    pub const INVERT_SOURCE: u8 = 1 << 4;
    /// `IPRANGE_DST_INV`
    pub const INVERT_DESTINATION: u8 = 1 << 5;

    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        let (ends, flags) = match (revision, family) {
            (0, Family::Ip) => {
                let raw: [[u8; 4]; 4] = read(data)?;
                (raw.map(|end| Some(end.into())), *data.get(16)?)
            }
            (1, _) => {
                let raw: [[u8; 16]; 4] = read(data)?;
                (raw.map(|end| address(family, &end)), *data.get(64)?)
            }
            _ => return None,
        };
        let [a, b, c, d] = ends;
        Some(Self { source: (a?, b?), destination: (c?, d?), flags })
    }
}
