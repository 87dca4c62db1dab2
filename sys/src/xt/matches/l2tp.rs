//! `-m l2tp` (include/uapi/linux/netfilter/xt_l2tp.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// L2TP headers (`struct xt_l2tp_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct L2tp {
    /// Tunnel id.
    pub tunnel: u32,
    /// Session id.
    pub session: u32,
    /// Version of the protocol, 2 or 3.
    pub version: u8,
    /// 0 for control, 1 for data.
    pub kind: u8,
    /// `XT_L2TP_*`: which fields are looked at.
    pub flags: u8,
}

impl L2tp {
    /// `XT_L2TP_TID`
    pub const TUNNEL: u8 = 1 << 0;
    /// `XT_L2TP_SID`
    pub const SESSION: u8 = 1 << 1;
    /// `XT_L2TP_VERSION`
    pub const VERSION: u8 = 1 << 2;
    /// `XT_L2TP_TYPE`
    pub const KIND: u8 = 1 << 3;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
