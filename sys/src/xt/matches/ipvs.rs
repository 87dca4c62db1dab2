//! `-m ipvs` (include/uapi/linux/netfilter/xt_ipvs.h).

use std::net::IpAddr;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::Family;
use crate::xt::wire::{address, read};

/// Connections of the virtual server (`struct xt_ipvs_mtinfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ipvs {
    /// The virtual address.
    pub address: IpAddr,
    /// The bits of it looked at.
    pub mask: IpAddr,
    /// The virtual port.
    pub port: u16,
    /// The protocol.
    pub proto: u8,
    /// `IP_VS_CONN_F_*`: the way of forwarding.
    pub method: u8,
    /// The port of the controlling connection.
    pub control_port: u16,
    /// The bits of `matched` that are inverted.
    pub invert: u8,
    /// `XT_IPVS_*`: what is looked at.
    pub matched: u8,
}

impl Ipvs {
    /// `XT_IPVS_IPVS_PROPERTY`: it is such a connection; alone, or implied by the others.
    pub const PROPERTY: u8 = 1 << 0;
    /// `XT_IPVS_PROTO`
    pub const PROTO: u8 = 1 << 1;
    /// `XT_IPVS_VADDR`
    pub const ADDRESS: u8 = 1 << 2;
    /// `XT_IPVS_VPORT`
    pub const PORT: u8 = 1 << 3;
    /// `XT_IPVS_DIR`: the original direction, or inverted the reply.
    pub const DIRECTION: u8 = 1 << 4;
    /// `XT_IPVS_METHOD`
    pub const METHOD: u8 = 1 << 5;
    /// `XT_IPVS_VPORTCTL`
    pub const CONTROL_PORT: u8 = 1 << 6;
    /// `IP_VS_CONN_F_MASQ`
    pub const MASQUERADE: u8 = 0;
    /// `IP_VS_CONN_F_TUNNEL`
    pub const TUNNEL: u8 = 2;
    /// `IP_VS_CONN_F_DROUTE`
    pub const ROUTE: u8 = 3;

    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Info {
            vaddr: [u8; 16],
            vmask: [u8; 16],
            vport: [u8; 2],
            l4proto: u8,
            fwd_method: u8,
            vportctl: [u8; 2],
            invert: u8,
            bitmask: u8,
        }
        if revision != 0 {
            return None;
        }
        let raw: Info = read(data)?;
        Some(Self {
            address: address(family, &raw.vaddr)?,
            mask: address(family, &raw.vmask)?,
            port: u16::from_be_bytes(raw.vport),
            proto: raw.l4proto,
            method: raw.fwd_method,
            control_port: u16::from_be_bytes(raw.vportctl),
            invert: raw.invert,
            matched: raw.bitmask,
        })
    }
}
