//! `-m srh` (include/uapi/linux/netfilter_ipv6/ip6t_srh.h).

use std::net::Ipv6Addr;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The segment routing header of IPv6 (`struct ip6t_srh1` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Srh {
    /// Next header.
    pub next_header: u8,
    /// Length of the header in units of 8 bytes, less the first.
    pub length: u8,
    /// Segments left.
    pub segments_left: u8,
    /// Index of the last segment.
    pub last_entry: u8,
    /// Tag.
    pub tag: u16,
    /// The segment visited before, and the bits of it looked at. Revision 1.
    pub previous: (Ipv6Addr, Ipv6Addr),
    /// The next segment.
    pub next: (Ipv6Addr, Ipv6Addr),
    /// The last segment.
    pub last: (Ipv6Addr, Ipv6Addr),
    /// Which conditions there are: the constants of this type.
    pub matched: u16,
    /// The same bits: which are inverted.
    pub invert: u16,
}

impl Srh {
    /// `IP6T_SRH_NEXTHDR`
    pub const NEXT_HEADER: u16 = 0x0001;
    /// `IP6T_SRH_LEN_EQ`
    pub const LENGTH_EQUAL: u16 = 0x0002;
    /// `IP6T_SRH_LEN_GT`
    pub const LENGTH_GREATER: u16 = 0x0004;
    /// `IP6T_SRH_LEN_LT`
    pub const LENGTH_LESS: u16 = 0x0008;
    /// `IP6T_SRH_SEGS_EQ`
    pub const SEGMENTS_EQUAL: u16 = 0x0010;
    /// `IP6T_SRH_SEGS_GT`
    pub const SEGMENTS_GREATER: u16 = 0x0020;
    /// `IP6T_SRH_SEGS_LT`
    pub const SEGMENTS_LESS: u16 = 0x0040;
    /// `IP6T_SRH_LAST_EQ`
    pub const LAST_EQUAL: u16 = 0x0080;
    /// `IP6T_SRH_LAST_GT`
    pub const LAST_GREATER: u16 = 0x0100;
    /// `IP6T_SRH_LAST_LT`
    pub const LAST_LESS: u16 = 0x0200;
    /// `IP6T_SRH_TAG`
    pub const TAG: u16 = 0x0400;
    /// `IP6T_SRH_PSID`
    pub const PREVIOUS: u16 = 0x0800;
    /// `IP6T_SRH_NSID`
    pub const NEXT: u16 = 0x1000;
    /// `IP6T_SRH_LSID`
    pub const LAST: u16 = 0x2000;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Head {
            numbers: [u8; 4],
            tag: u16,
        }
        let (segments, at) = match revision {
            0 => ([[0; 16]; 6], 6),
            1 => (read(data.get(8..)?)?, 104),
            _ => return None,
        };
        let Head { numbers: [next_header, length, segments_left, last_entry], tag } = read(data)?;
        let [matched, invert]: [u16; 2] = read(data.get(at..)?)?;
        let [previous, next, last, previous_mask, next_mask, last_mask] = segments.map(Ipv6Addr::from);
        Some(Self {
            next_header,
            length,
            segments_left,
            last_entry,
            tag,
            previous: (previous, previous_mask),
            next: (next, next_mask),
            last: (last, last_mask),
            matched,
            invert,
        })
    }
}
