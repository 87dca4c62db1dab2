//! `-m ecn` (include/uapi/linux/netfilter/xt_ecn.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Explicit congestion notification (`struct xt_ecn_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ecn {
    /// `XT_ECN_OP_MATCH_*`: what is looked at.
    pub operation: u8,
    /// The same bits: what is inverted.
    pub invert: u8,
    /// The ECN field of the IP header.
    pub ect: u8,
}

impl Ecn {
    /// `XT_ECN_OP_MATCH_IP`
    pub const IP: u8 = 0x01;
    /// `XT_ECN_OP_MATCH_ECE`: the flag of TCP.
    pub const ECE: u8 = 0x10;
    /// `XT_ECN_OP_MATCH_CWR`: the flag of TCP.
    pub const CWR: u8 = 0x20;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
