//! The fixed structures of a table's blob, as the kernel lays them out; padding is spelled out so that it can be written.

use std::net::IpAddr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::family::Family;
use crate::uapi::x_tables::{ARPT_DEV_ADDR_LEN_MAX, XT_EXTENSION_MAXNAMELEN};

const IFNAMSIZ: usize = 16;

/// Reads a structure from the front of `bytes`, wherever they are aligned.
pub(crate) fn read<T: FromBytes>(bytes: &[u8]) -> Option<T> {
    T::read_from_prefix(bytes).ok().map(|(value, _)| value)
}

/// The address in a `union nf_inet_addr`; `None` in families that have none.
pub(crate) fn address(family: Family, union: &[u8; 16]) -> Option<IpAddr> {
    match (family, union) {
        (Family::Ip, [a, b, c, d, ..]) => Some([*a, *b, *c, *d].into()),
        (Family::Ip6, all) => Some((*all).into()),
        _ => None,
    }
}

/// `struct ipt_ip` (include/uapi/linux/netfilter_ipv4/ip_tables.h).
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct IptIp {
    pub src: [u8; 4],
    pub dst: [u8; 4],
    pub smsk: [u8; 4],
    pub dmsk: [u8; 4],
    pub iniface: [u8; IFNAMSIZ],
    pub outiface: [u8; IFNAMSIZ],
    pub iniface_mask: [u8; IFNAMSIZ],
    pub outiface_mask: [u8; IFNAMSIZ],
    pub proto: u16,
    pub flags: u8,
    pub invflags: u8,
}

/// `struct ip6t_ip6` (include/uapi/linux/netfilter_ipv6/ip6_tables.h).
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Ip6tIp6 {
    pub src: [u8; 16],
    pub dst: [u8; 16],
    pub smsk: [u8; 16],
    pub dmsk: [u8; 16],
    pub iniface: [u8; IFNAMSIZ],
    pub outiface: [u8; IFNAMSIZ],
    pub iniface_mask: [u8; IFNAMSIZ],
    pub outiface_mask: [u8; IFNAMSIZ],
    pub proto: u16,
    pub tos: u8,
    pub flags: u8,
    pub invflags: u8,
    pub pad: [u8; 3],
}

/// `struct arpt_devaddr_info`.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ArptDevaddrInfo {
    pub addr: [u8; ARPT_DEV_ADDR_LEN_MAX],
    pub mask: [u8; ARPT_DEV_ADDR_LEN_MAX],
}

/// `struct arpt_arp` (include/uapi/linux/netfilter_arp/arp_tables.h).
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ArptArp {
    pub src: [u8; 4],
    pub tgt: [u8; 4],
    pub smsk: [u8; 4],
    pub tmsk: [u8; 4],
    pub arhln: u8,
    pub arhln_mask: u8,
    pub src_devaddr: ArptDevaddrInfo,
    pub tgt_devaddr: ArptDevaddrInfo,
    pub arpop: [u8; 2],
    pub arpop_mask: [u8; 2],
    pub arhrd: [u8; 2],
    pub arhrd_mask: [u8; 2],
    pub arpro: [u8; 2],
    pub arpro_mask: [u8; 2],
    pub iniface: [u8; IFNAMSIZ],
    pub outiface: [u8; IFNAMSIZ],
    pub iniface_mask: [u8; IFNAMSIZ],
    pub outiface_mask: [u8; IFNAMSIZ],
    pub flags: u8,
    pub pad: u8,
    pub invflags: u16,
    pub pad2: [u8; 2],
}

/// `struct ipt_entry` without its elements.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct IptEntry {
    pub ip: IptIp,
    pub nfcache: u32,
    pub target_offset: u16,
    pub next_offset: u16,
    pub comefrom: u32,
    pub pcnt: u64,
    pub bcnt: u64,
}

/// `struct ip6t_entry` without its elements.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Ip6tEntry {
    pub ipv6: Ip6tIp6,
    pub nfcache: u32,
    pub target_offset: u16,
    pub next_offset: u16,
    pub comefrom: u32,
    pub pad: [u8; 4],
    pub pcnt: u64,
    pub bcnt: u64,
}

/// `struct arpt_entry` without its elements.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ArptEntry {
    pub arp: ArptArp,
    pub target_offset: u16,
    pub next_offset: u16,
    pub comefrom: u32,
    pub pad: [u8; 4],
    pub pcnt: u64,
    pub bcnt: u64,
}

/// `struct xt_entry_match` and `struct xt_entry_target` (the same layout) without their data.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct XtHeader {
    pub size: u16,
    pub name: [u8; XT_EXTENSION_MAXNAMELEN],
    pub revision: u8,
}

const _: () = {
    assert!(size_of::<IptEntry>() == 112);
    assert!(size_of::<Ip6tEntry>() == 168);
    assert!(size_of::<ArptEntry>() == 192);
    assert!(size_of::<XtHeader>() == 32);
};
