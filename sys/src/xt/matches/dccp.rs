//! `-m dccp` (include/uapi/linux/netfilter/xt_dccp.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Ports, type and option of a DCCP header (`struct xt_dccp_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Dccp {
    /// Destination ports, both ends included, host order.
    pub destination: [u16; 2],
    /// Source ports, both ends included, host order.
    pub source: [u16; 2],
    /// `XT_DCCP_*`: what is looked at.
    pub flags: u16,
    /// The same bits: what is inverted.
    pub invert: u16,
    /// Bit n: packet type n (`DCCP_PKT_*`).
    pub types: u16,
    /// An option that must be there.
    pub option: u8,
}

impl Dccp {
    /// `XT_DCCP_SRC_PORTS`
    pub const SOURCE: u16 = 0x01;
    /// `XT_DCCP_DEST_PORTS`
    pub const DESTINATION: u16 = 0x02;
    /// `XT_DCCP_TYPE`
    pub const TYPE: u16 = 0x04;
    /// `XT_DCCP_OPTION`
    pub const OPTION: u16 = 0x08;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
