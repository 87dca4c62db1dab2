//! `-m ah` (include/uapi/linux/netfilter_ipv4/ipt_ah.h, netfilter_ipv6/ip6t_ah.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::Family;
use crate::xt::wire::read;

/// The authentication header (`struct ipt_ah`, `struct ip6t_ah`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ah {
    /// Security parameter indices, both ends included.
    pub spis: (u32, u32),
    /// Length of the header in bytes; 0 for any. IPv6 only.
    pub length: u32,
    /// The reserved field must be 0, if this is not. IPv6 only.
    pub reserved: u8,
    /// `IP6T_AH_INV_*`.
    pub invert: u8,
}

impl Ah {
    /// `IP6T_AH_INV_SPI`, `IPT_AH_INV_SPI`
    pub const INVERT_SPI: u8 = 0x01;
    /// `IP6T_AH_INV_LEN`
    pub const INVERT_LENGTH: u8 = 0x02;

    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Ip6 {
            spis: [u32; 2],
            hdrlen: u32,
            hdrres: u8,
            invflags: u8,
        }
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Ip {
            spis: [u32; 2],
            invflags: u8,
        }
        match (revision, family) {
            (0, Family::Ip) => read(data).map(|Ip { spis, invflags }| Self {
                spis: spis.into(),
                length: 0,
                reserved: 0,
                invert: invflags & Self::INVERT_SPI,
            }),
            (0, Family::Ip6) => read(data).map(|Ip6 { spis, hdrlen, hdrres, invflags }| Self {
                spis: spis.into(),
                length: hdrlen,
                reserved: hdrres,
                invert: invflags,
            }),
            _ => None,
        }
    }
}
