//! `-j SNAT`, `DNAT`, `MASQUERADE`, `REDIRECT` and `NETMAP` (include/uapi/linux/netfilter/nf_nat.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::Family;
use crate::xt::wire::read;

/// The range that addresses and ports are mapped to, in all its forms: `struct nf_nat_range2`, `struct nf_nat_range`,
/// `struct nf_nat_ipv4_multi_range_compat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Nat {
    /// `NF_NAT_RANGE_*`: which fields count.
    pub flags: u32,
    /// The lowest address.
    pub min_address: IpAddr,
    /// The highest address.
    pub max_address: IpAddr,
    /// The lowest port (or ICMP id), host order.
    pub min_port: u16,
    /// The highest port.
    pub max_port: u16,
    /// The port that the lowest is mapped from, under [`Self::PROTO_OFFSET`].
    pub base_port: u16,
}

#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Ipv4MultiRange {
    rangesize: u32,
    flags: u32,
    min_ip: [u8; 4],
    max_ip: [u8; 4],
    min: [u8; 2],
    max: [u8; 2],
}

#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Range {
    flags: u32,
    min_addr: [u8; 16],
    max_addr: [u8; 16],
    min_proto: [u8; 2],
    max_proto: [u8; 2],
}

impl Nat {
    /// `NF_NAT_RANGE_MAP_IPS`
    pub const MAP_IPS: u32 = 1 << 0;
    /// `NF_NAT_RANGE_PROTO_SPECIFIED`
    pub const PROTO_SPECIFIED: u32 = 1 << 1;
    /// `NF_NAT_RANGE_PROTO_RANDOM`
    pub const PROTO_RANDOM: u32 = 1 << 2;
    /// `NF_NAT_RANGE_PERSISTENT`
    pub const PERSISTENT: u32 = 1 << 3;
    /// `NF_NAT_RANGE_PROTO_RANDOM_FULLY`
    pub const PROTO_RANDOM_FULLY: u32 = 1 << 4;
    /// `NF_NAT_RANGE_PROTO_OFFSET`
    pub const PROTO_OFFSET: u32 = 1 << 5;

    /// SNAT and DNAT: revision 0 is IPv4's old form, 1 and 2 serve both families.
    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        match (family, revision) {
            (Family::Ip, 0) => Self::ipv4(data),
            (Family::Ip | Family::Ip6, 1) => Self::range(family, data, false),
            (Family::Ip | Family::Ip6, 2) => Self::range(family, data, true),
            _ => None,
        }
    }

    /// MASQUERADE, REDIRECT and NETMAP: only revision 0, in the form of the family.
    pub(super) fn decode_other(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        match (family, revision) {
            (Family::Ip, 0) => Self::ipv4(data),
            (Family::Ip6, 0) => Self::range(family, data, false),
            _ => None,
        }
    }

    fn ipv4(data: &[u8]) -> Option<Self> {
        let raw: Ipv4MultiRange = read(data)?;
        // The kernel takes only the first range and insists on its being the only one; NETMAP's tool writes any count.
        let _ = raw.rangesize;
        Some(Self {
            flags: raw.flags,
            min_address: Ipv4Addr::from(raw.min_ip).into(),
            max_address: Ipv4Addr::from(raw.max_ip).into(),
            min_port: u16::from_be_bytes(raw.min),
            max_port: u16::from_be_bytes(raw.max),
            base_port: 0,
        })
    }

    fn range(family: Family, data: &[u8], has_base: bool) -> Option<Self> {
        let raw: Range = read(data)?;
        let base = if has_base { read(data.get(size_of::<Range>()..)?)? } else { [0; 2] };
        let address = |bytes: [u8; 16]| match (family, bytes) {
            (Family::Ip, [a, b, c, d, ..]) => IpAddr::from([a, b, c, d]),
            _ => Ipv6Addr::from(bytes).into(),
        };
        Some(Self {
            flags: raw.flags,
            min_address: address(raw.min_addr),
            max_address: address(raw.max_addr),
            min_port: u16::from_be_bytes(raw.min_proto),
            max_port: u16::from_be_bytes(raw.max_proto),
            base_port: u16::from_be_bytes(base),
        })
    }
}
