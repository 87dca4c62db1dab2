//! `-m udp` (include/uapi/linux/netfilter/xt_tcpudp.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Ports of a UDP header (`struct xt_udp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Udp {
    /// Source ports, both ends included, host order.
    pub source: [u16; 2],
    /// Destination ports, both ends included, host order.
    pub destination: [u16; 2],
    /// `XT_UDP_INV_*`.
    pub invert: u8,
}

impl Udp {
    /// `XT_UDP_INV_SRCPT`
    pub const INVERT_SOURCE: u8 = 0x01;
    /// `XT_UDP_INV_DSTPT`
    pub const INVERT_DESTINATION: u8 = 0x02;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
