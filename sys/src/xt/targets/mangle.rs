//! `-j mangle` of arptables (include/uapi/linux/netfilter_arp/arpt_mangle.h).

use std::net::Ipv4Addr;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::Family;
use crate::xt::wire::read;

/// Rewrites addresses of an ARP packet (`struct arpt_mangle`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Mangle {
    /// The sender's hardware address.
    pub source_mac: [u8; 16],
    /// The target's hardware address.
    pub target_mac: [u8; 16],
    /// The sender's protocol address.
    pub source_ip: Ipv4Addr,
    /// The target's protocol address.
    pub target_ip: Ipv4Addr,
    /// `ARPT_MANGLE_*`: which of them are rewritten.
    pub flags: u8,
    /// What becomes of the packet: `NF_DROP`, `NF_ACCEPT`, or `XT_CONTINUE`.
    pub verdict: i32,
}

impl Mangle {
    /// `ARPT_MANGLE_SDEV`
    pub const SOURCE_MAC: u8 = 0x01;
    /// `ARPT_MANGLE_TDEV`
    pub const TARGET_MAC: u8 = 0x02;
    /// `ARPT_MANGLE_SIP`
    pub const SOURCE_IP: u8 = 0x04;
    /// `ARPT_MANGLE_TIP`
    pub const TARGET_IP: u8 = 0x08;

    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Info {
            src_devaddr: [u8; 16],
            tgt_devaddr: [u8; 16],
            src_ip: [u8; 4],
            tgt_ip: [u8; 4],
            flags: u8,
            pad: [u8; 3],
            target: i32,
        }
        if (family, revision) != (Family::Arp, 0) {
            return None;
        }
        let raw: Info = read(data)?;
        let _ = raw.pad;
        Some(Self {
            source_mac: raw.src_devaddr,
            target_mac: raw.tgt_devaddr,
            source_ip: raw.src_ip.into(),
            target_ip: raw.tgt_ip.into(),
            flags: raw.flags,
            verdict: raw.target,
        })
    }
}
