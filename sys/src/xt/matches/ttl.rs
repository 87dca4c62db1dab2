//! `-m ttl` and `-m hl` (include/uapi/linux/netfilter_ipv4/ipt_ttl.h, netfilter_ipv6/ip6t_hl.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Time to live, or hop limit (`struct ipt_ttl_info`, `struct ip6t_hl_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ttl {
    /// `IPT_TTL_*`.
    pub mode: u8,
    /// What it is compared with.
    pub value: u8,
}

impl Ttl {
    /// `IPT_TTL_EQ`
    pub const EQUAL: u8 = 0;
    /// `IPT_TTL_NE`
    pub const NOT_EQUAL: u8 = 1;
    /// `IPT_TTL_LT`
    pub const LESS: u8 = 2;
    /// `IPT_TTL_GT`
    pub const GREATER: u8 = 3;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
