//! `-j TTL` and `-j HL` (include/uapi/linux/netfilter_ipv4/ipt_TTL.h, netfilter_ipv6/ip6t_HL.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Changes the time to live or hop limit (`struct ipt_TTL_info`, `struct ip6t_HL_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ttl {
    /// 0 set, 1 increment, 2 decrement.
    pub mode: u8,
    /// By or to how much.
    pub ttl: u8,
}

impl Ttl {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
