//! `-m connbytes` (include/uapi/linux/netfilter/xt_connbytes.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// What a connection has transferred (`struct xt_connbytes_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Connbytes {
    /// At least this; more than `to` inverts the range.
    pub from: u64,
    /// At most this.
    pub to: u64,
    /// `XT_CONNBYTES_*`: what is counted.
    pub what: u8,
    /// `XT_CONNBYTES_DIR_*`.
    pub direction: u8,
}

impl Connbytes {
    /// `XT_CONNBYTES_PKTS`
    pub const PACKETS: u8 = 0;
    /// `XT_CONNBYTES_BYTES`
    pub const BYTES: u8 = 1;
    /// `XT_CONNBYTES_AVGPKT`: bytes per packet.
    pub const AVERAGE: u8 = 2;
    /// `XT_CONNBYTES_DIR_ORIGINAL`
    pub const ORIGINAL: u8 = 0;
    /// `XT_CONNBYTES_DIR_REPLY`
    pub const REPLY: u8 = 1;
    /// `XT_CONNBYTES_DIR_BOTH`
    pub const BOTH: u8 = 2;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
