//! `-m rt` (include/uapi/linux/netfilter_ipv6/ip6t_rt.h).

use std::net::Ipv6Addr;

use serde::{Serialize, Serializer};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The routing header of IPv6 (`struct ip6t_rt`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Routing<'a> {
    /// Type.
    pub kind: u32,
    /// Segments left, both ends included.
    pub segments_left: (u32, u32),
    /// Length of the header in bytes.
    pub length: u32,
    /// `IP6T_RT_*`: what is looked at.
    pub flags: u8,
    /// `IP6T_RT_INV_*`.
    pub invert: u8,
    /// Addresses of type 0 in their order.
    pub addresses: Ip6Addresses<'a>,
}

/// IPv6 addresses in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip6Addresses<'a>(&'a [u8]);

impl<'a> Ip6Addresses<'a> {
    /// The addresses in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Ipv6Addr> + use<'a> {
        self.0.chunks_exact(16).map(|b| b.first_chunk::<16>().map_or(Ipv6Addr::UNSPECIFIED, |b| (*b).into()))
    }
}

impl Serialize for Ip6Addresses<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl<'a> Routing<'a> {
    /// `IP6T_RT_TYP`
    pub const KIND: u8 = 0x01;
    /// `IP6T_RT_SGS`
    pub const SEGMENTS: u8 = 0x02;
    /// `IP6T_RT_LEN`
    pub const LENGTH: u8 = 0x04;
    /// `IP6T_RT_RES`: the reserved field of type 0 is looked at.
    pub const RESERVED: u8 = 0x08;
    /// `IP6T_RT_FST`: type 0 with these addresses.
    pub const ADDRESSES: u8 = 0x10;
    /// `IP6T_RT_FST_NSTRICT`: others may be between them.
    pub const NOT_STRICT: u8 = 0x20;
    /// `IP6T_RT_INV_TYP`
    pub const INVERT_KIND: u8 = 0x01;
    /// `IP6T_RT_INV_SGS`
    pub const INVERT_SEGMENTS: u8 = 0x02;
    /// `IP6T_RT_INV_LEN`
    pub const INVERT_LENGTH: u8 = 0x04;

    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Info {
            rt_type: u32,
            segsleft: [u32; 2],
            hdrlen: u32,
            flags: u8,
            invflags: u8,
        }
        const MOST: usize = 16;
        const ADDRESSES: usize = 20;
        if revision != 0 {
            return None;
        }
        let raw: Info = read(data)?;
        let count = usize::from(*data.get(ADDRESSES + MOST * 16)?);
        Some(Self {
            kind: raw.rt_type,
            segments_left: raw.segsleft.into(),
            length: raw.hdrlen,
            flags: raw.flags,
            invert: raw.invflags,
            addresses: Ip6Addresses(data.get(ADDRESSES..ADDRESSES + count.min(MOST) * 16)?),
        })
    }
}
