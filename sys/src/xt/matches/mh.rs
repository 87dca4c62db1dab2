//! `-m mh` (include/uapi/linux/netfilter_ipv6/ip6t_mh.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The mobility header of IPv6 (`struct ip6t_mh`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Mh {
    /// Types, both ends included.
    pub types: [u8; 2],
    /// `IP6T_MH_INV_TYPE`.
    pub invert: u8,
}

impl Mh {
    /// `IP6T_MH_INV_TYPE`
    pub const INVERT: u8 = 0x01;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
