//! `-j ECN` (include/uapi/linux/netfilter_ipv4/ipt_ECN.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::Family;
use crate::xt::wire::read;

/// Changes congestion notification bits (`struct ipt_ECN_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ecn {
    /// `IPT_ECN_OP_*`.
    pub operation: u8,
    /// The IP header's two bits.
    pub ip: u8,
    /// Bit 0: ECE, bit 1: CWR.
    pub tcp: u8,
}

impl Ecn {
    /// `IPT_ECN_OP_SET_IP`
    pub const SET_IP: u8 = 0x01;
    /// `IPT_ECN_OP_SET_ECE`
    pub const SET_ECE: u8 = 0x10;
    /// `IPT_ECN_OP_SET_CWR`
    pub const SET_CWR: u8 = 0x20;

    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        ((family, revision) == (Family::Ip, 0)).then(|| read(data)).flatten()
    }
}
