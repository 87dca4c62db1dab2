//! `-m pkttype` (include/uapi/linux/netfilter/xt_pkttype.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Whom the link layer addressed (`struct xt_pkttype_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Pkttype {
    /// `PACKET_*`.
    pub kind: i32,
    /// Inverted, if not 0.
    pub invert: i32,
}

impl Pkttype {
    /// `PACKET_HOST`
    pub const HOST: i32 = 0;
    /// `PACKET_BROADCAST`
    pub const BROADCAST: i32 = 1;
    /// `PACKET_MULTICAST`
    pub const MULTICAST: i32 = 2;
    /// `PACKET_OTHERHOST`
    pub const OTHERHOST: i32 = 3;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
