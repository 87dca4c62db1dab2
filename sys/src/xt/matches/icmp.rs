//! `-m icmp` and `-m icmp6` (include/uapi/linux/netfilter_ipv4/ip_tables.h, netfilter_ipv6/ip6_tables.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Type and code of ICMP (`struct ipt_icmp`, `struct ip6t_icmp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Icmp {
    /// The type; for IPv4, 255 means any.
    pub kind: u8,
    /// Codes, both ends included.
    pub codes: [u8; 2],
    /// `IPT_ICMP_INV`, `IP6T_ICMP_INV`.
    pub invert: u8,
}

impl Icmp {
    /// `IPT_ICMP_INV`, `IP6T_ICMP_INV`
    pub const INVERT: u8 = 0x01;
    /// The type of IPv4 that stands for any.
    pub const ANY: u8 = 0xff;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
