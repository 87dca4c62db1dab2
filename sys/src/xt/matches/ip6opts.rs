//! `-m dst` and `-m hbh` (include/uapi/linux/netfilter_ipv6/ip6t_opts.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Destination or hop-by-hop options of IPv6 (`struct ip6t_opts`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ip6Options {
    /// Length of the header in bytes.
    pub length: u32,
    /// `IP6T_OPTS_*`: what is looked at.
    pub flags: u8,
    /// `IP6T_OPTS_INV_*`.
    pub invert: u8,
    /// Options in their order: type in the high byte, length in the low one (255 for any).
    pub options: [u16; 16],
    /// How many of `options` there are.
    pub count: u8,
}

impl Ip6Options {
    /// `IP6T_OPTS_LEN`
    pub const LENGTH: u8 = 0x01;
    /// `IP6T_OPTS_OPTS`
    pub const OPTIONS: u8 = 0x02;
    /// `IP6T_OPTS_INV_LEN`
    pub const INVERT_LENGTH: u8 = 0x01;

    /// The options asked for, as type and length.
    pub fn options(&self) -> impl Iterator<Item = (u8, Option<u8>)> {
        let split = |o: &u16| ((o >> 8) as u8, Some(*o as u8).filter(|&length| length != u8::MAX));
        self.options.iter().take(self.count.into()).map(split)
    }

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
