//! `-m frag` (include/uapi/linux/netfilter_ipv6/ip6t_frag.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The fragment header of IPv6 (`struct ip6t_frag`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Frag {
    /// Identifications, both ends included.
    pub ids: [u32; 2],
    /// Length of the header, as the tool was told.
    pub length: u32,
    /// `IP6T_FRAG_*`: what is looked at.
    pub flags: u8,
    /// `IP6T_FRAG_INV_*`.
    pub invert: u8,
}

impl Frag {
    /// `IP6T_FRAG_LEN`
    pub const LENGTH: u8 = 0x02;
    /// `IP6T_FRAG_RES`: the reserved bits are 0.
    pub const RESERVED: u8 = 0x04;
    /// `IP6T_FRAG_FST`: the first fragment.
    pub const FIRST: u8 = 0x08;
    /// `IP6T_FRAG_MF`: more fragments follow.
    pub const MORE: u8 = 0x10;
    /// `IP6T_FRAG_NMF`: the last fragment.
    pub const LAST: u8 = 0x20;
    /// `IP6T_FRAG_INV_IDS`
    pub const INVERT_IDS: u8 = 0x01;
    /// `IP6T_FRAG_INV_LEN`
    pub const INVERT_LENGTH: u8 = 0x02;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
