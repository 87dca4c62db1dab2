//! `-m conntrack` (include/uapi/linux/netfilter/xt_conntrack.h).

use std::net::IpAddr;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::Family;
use crate::xt::wire::{address, read};

/// What connection tracking knows of the packet (`struct xt_conntrack_mtinfo3` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Conntrack {
    /// Which conditions there are: the constants of this type without a prefix.
    pub matched: u16,
    /// The same bits: which conditions are inverted.
    pub invert: u16,
    /// `STATE_*`: any of these.
    pub states: u16,
    /// `IPS_*`: any of these; 0 for a connection that has none of them.
    pub status: u16,
    /// The protocol of the original direction.
    pub proto: u16,
    /// Source of the original direction and the bits of it looked at.
    pub original_source: (IpAddr, IpAddr),
    /// Destination of the original direction.
    pub original_destination: (IpAddr, IpAddr),
    /// Source of the reply.
    pub reply_source: (IpAddr, IpAddr),
    /// Destination of the reply.
    pub reply_destination: (IpAddr, IpAddr),
    /// Source ports of the original direction, both ends included; the upper end 0 means the lower one only.
    pub original_source_ports: (u16, u16),
    /// Destination ports of the original direction.
    pub original_destination_ports: (u16, u16),
    /// Source ports of the reply.
    pub reply_source_ports: (u16, u16),
    /// Destination ports of the reply.
    pub reply_destination_ports: (u16, u16),
    /// Seconds until the entry expires, both ends included.
    pub expires: (u32, u32),
}

impl Conntrack {
    /// `XT_CONNTRACK_STATE`
    pub const STATE: u16 = 1 << 0;
    /// `XT_CONNTRACK_PROTO`
    pub const PROTO: u16 = 1 << 1;
    /// `XT_CONNTRACK_ORIGSRC`
    pub const ORIGINAL_SOURCE: u16 = 1 << 2;
    /// `XT_CONNTRACK_ORIGDST`
    pub const ORIGINAL_DESTINATION: u16 = 1 << 3;
    /// `XT_CONNTRACK_REPLSRC`
    pub const REPLY_SOURCE: u16 = 1 << 4;
    /// `XT_CONNTRACK_REPLDST`
    pub const REPLY_DESTINATION: u16 = 1 << 5;
    /// `XT_CONNTRACK_STATUS`
    pub const STATUS: u16 = 1 << 6;
    /// `XT_CONNTRACK_EXPIRES`
    pub const EXPIRES: u16 = 1 << 7;
    /// `XT_CONNTRACK_ORIGSRC_PORT`
    pub const ORIGINAL_SOURCE_PORT: u16 = 1 << 8;
    /// `XT_CONNTRACK_ORIGDST_PORT`
    pub const ORIGINAL_DESTINATION_PORT: u16 = 1 << 9;
    /// `XT_CONNTRACK_REPLSRC_PORT`
    pub const REPLY_SOURCE_PORT: u16 = 1 << 10;
    /// `XT_CONNTRACK_REPLDST_PORT`
    pub const REPLY_DESTINATION_PORT: u16 = 1 << 11;
    /// `XT_CONNTRACK_DIRECTION`: the packet is of the original direction, or inverted of the reply.
    pub const DIRECTION: u16 = 1 << 12;
    /// `XT_CONNTRACK_STATE_ALIAS`: written as `-m state`.
    pub const STATE_ALIAS: u16 = 1 << 13;

    /// `XT_CONNTRACK_STATE_INVALID`
    pub const STATE_INVALID: u16 = 1 << 0;
    /// `XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED)`
    pub const STATE_ESTABLISHED: u16 = 1 << 1;
    /// `XT_CONNTRACK_STATE_BIT(IP_CT_RELATED)`
    pub const STATE_RELATED: u16 = 1 << 2;
    /// `XT_CONNTRACK_STATE_BIT(IP_CT_NEW)`
    pub const STATE_NEW: u16 = 1 << 3;
    /// `XT_CONNTRACK_STATE_SNAT`: the source was rewritten.
    pub const STATE_SNAT: u16 = 1 << 6;
    /// `XT_CONNTRACK_STATE_DNAT`: the destination was rewritten.
    pub const STATE_DNAT: u16 = 1 << 7;
    /// `XT_CONNTRACK_STATE_UNTRACKED`; revision 1 has no room for it.
    pub const STATE_UNTRACKED: u16 = 1 << 8;

    /// `IPS_EXPECTED`
    pub const STATUS_EXPECTED: u16 = 1 << 0;
    /// `IPS_SEEN_REPLY`
    pub const STATUS_SEEN_REPLY: u16 = 1 << 1;
    /// `IPS_ASSURED`
    pub const STATUS_ASSURED: u16 = 1 << 2;
    /// `IPS_CONFIRMED`
    pub const STATUS_CONFIRMED: u16 = 1 << 3;

    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        /// What all revisions begin with.
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Head {
            /// Original source and mask, original destination and mask, then those of the reply.
            addresses: [[u8; 16]; 8],
            expires: [u32; 2],
            l4proto: u16,
            ports: [[u8; 2]; 4],
            match_flags: u16,
            invert_flags: u16,
        }
        const HEAD: usize = 150;
        let raw: Head = read(data)?;
        let rest = data.get(HEAD..)?;
        let (states, status) = match revision {
            1 => read::<[u8; 2]>(rest).map(|[state, status]| (state.into(), status.into()))?,
            2 | 3 => read::<[u16; 2]>(rest).map(|[state, status]| (state, status))?,
            _ => return None,
        };
        let highs: [u16; 4] = if revision == 3 { read(rest.get(4..)?)? } else { [0; 4] };
        let [a, b, c, d] = raw.ports.map(|port| match revision {
            // Revision 3 changed the byte order along with the range.
            3 => u16::from_ne_bytes(port),
            _ => u16::from_be_bytes(port),
        });
        let at = |n: usize| address(family, raw.addresses.get(n)?);
        Some(Self {
            matched: raw.match_flags,
            invert: raw.invert_flags,
            states,
            status,
            proto: raw.l4proto,
            original_source: (at(0)?, at(1)?),
            original_destination: (at(2)?, at(3)?),
            reply_source: (at(4)?, at(5)?),
            reply_destination: (at(6)?, at(7)?),
            original_source_ports: (a, highs[0]),
            original_destination_ports: (b, highs[1]),
            reply_source_ports: (c, highs[2]),
            reply_destination_ports: (d, highs[3]),
            expires: raw.expires.into(),
        })
    }
}
