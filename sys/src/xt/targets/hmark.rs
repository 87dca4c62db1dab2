//! `-j HMARK` (include/uapi/linux/netfilter/xt_HMARK.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Marks packets by a hash of their addresses and ports (`struct xt_hmark_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Hmark {
    /// Mask over the source address; IPv4 uses the first four bytes.
    pub source_mask: [u8; 16],
    /// Mask over the destination address.
    pub destination_mask: [u8; 16],
    /// Masks over the ports, network order: source, destination; together the mask over an SPI.
    pub port_mask: [[u8; 2]; 2],
    /// Bits set in the ports (or SPI) before hashing.
    pub port_set: [[u8; 2]; 2],
    /// Bit n: option n (`XT_HMARK_*`) was given.
    pub flags: u32,
    /// Mask over the protocol.
    pub proto_mask: u16,
    #[serde(skip)]
    pad: [u8; 2],
    /// Seed of the hash.
    pub random: u32,
    /// The hash is taken modulo this.
    pub modulus: u32,
    /// What the mark starts from.
    pub offset: u32,
}

impl Hmark {
    /// `XT_HMARK_SADDR_MASK`
    pub const SOURCE_MASK: u32 = 1 << 0;
    /// `XT_HMARK_DADDR_MASK`
    pub const DESTINATION_MASK: u32 = 1 << 1;
    /// `XT_HMARK_SPI`
    pub const SPI: u32 = 1 << 2;
    /// `XT_HMARK_SPI_MASK`
    pub const SPI_MASK: u32 = 1 << 3;
    /// `XT_HMARK_SPORT`
    pub const SOURCE_PORT: u32 = 1 << 4;
    /// `XT_HMARK_DPORT`
    pub const DESTINATION_PORT: u32 = 1 << 5;
    /// `XT_HMARK_SPORT_MASK`
    pub const SOURCE_PORT_MASK: u32 = 1 << 6;
    /// `XT_HMARK_DPORT_MASK`
    pub const DESTINATION_PORT_MASK: u32 = 1 << 7;
    /// `XT_HMARK_PROTO_MASK`
    pub const PROTO_MASK: u32 = 1 << 8;
    /// `XT_HMARK_RND`
    pub const RANDOM: u32 = 1 << 9;
    /// `XT_HMARK_MODULUS`
    pub const MODULUS: u32 = 1 << 10;
    /// `XT_HMARK_OFFSET`
    pub const OFFSET: u32 = 1 << 11;
    /// `XT_HMARK_CT`: the tuple is conntrack's.
    pub const CT: u32 = 1 << 12;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
