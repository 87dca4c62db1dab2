//! `-m tcp` (include/uapi/linux/netfilter/xt_tcpudp.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Ports, flags and an option of a TCP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tcp {
    /// Source ports, both ends included, host order.
    pub source: (u16, u16),
    /// Destination ports, both ends included, host order.
    pub destination: (u16, u16),
    /// A TCP option that must be there; 0 for none.
    pub option: u8,
    /// The flags looked at (the 13th byte of the header).
    pub flag_mask: u8,
    /// The flags of those that must be set.
    pub flags: u8,
    /// `XT_TCP_INV_*`.
    pub invert: u8,
}

impl Tcp {
    /// `XT_TCP_INV_SRCPT`
    pub const INVERT_SOURCE: u8 = 0x01;
    /// `XT_TCP_INV_DSTPT`
    pub const INVERT_DESTINATION: u8 = 0x02;
    /// `XT_TCP_INV_FLAGS`
    pub const INVERT_FLAGS: u8 = 0x04;
    /// `XT_TCP_INV_OPTION`
    pub const INVERT_OPTION: u8 = 0x08;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct XtTcp {
            spts: [u16; 2],
            dpts: [u16; 2],
            option: u8,
            flg_mask: u8,
            flg_cmp: u8,
            invflags: u8,
        }
        if revision != 0 {
            return None;
        }
        let raw: XtTcp = read(data)?;
        Some(Self {
            source: raw.spts.into(),
            destination: raw.dpts.into(),
            option: raw.option,
            flag_mask: raw.flg_mask,
            flags: raw.flg_cmp,
            invert: raw.invflags,
        })
    }
}
