//! `-m ipv6header` (include/uapi/linux/netfilter_ipv6/ip6t_ipv6header.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Which extension headers an IPv6 packet has (`struct ip6t_ipv6header_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ip6Header {
    /// `MASK_*`: headers that must be there.
    pub headers: u8,
    /// Inverted, if not 0.
    pub invert: u8,
    /// Others may be there too, if not 0.
    pub soft: u8,
}

impl Ip6Header {
    /// `MASK_HOPOPTS`
    pub const HOP_BY_HOP: u8 = 128;
    /// `MASK_DSTOPTS`
    pub const DESTINATION: u8 = 64;
    /// `MASK_ROUTING`
    pub const ROUTING: u8 = 32;
    /// `MASK_FRAGMENT`
    pub const FRAGMENT: u8 = 16;
    /// `MASK_AH`
    pub const AUTHENTICATION: u8 = 8;
    /// `MASK_ESP`
    pub const ESP: u8 = 4;
    /// `MASK_NONE`: no next header.
    pub const NONE: u8 = 2;
    /// `MASK_PROTO`: a transport protocol.
    pub const PROTOCOL: u8 = 1;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
