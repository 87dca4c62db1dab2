//! `-j DNPT` and `-j SNPT` (include/uapi/linux/netfilter_ipv6/ip6t_NPT.h).

use std::net::Ipv6Addr;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::Family;
use crate::xt::wire::read;

/// Stateless prefix translation (`struct ip6t_npt_tginfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Npt {
    /// The prefix replaced.
    pub source: Ipv6Addr,
    /// Its length.
    pub source_length: u8,
    /// The prefix that replaces it.
    pub destination: Ipv6Addr,
    /// Its length.
    pub destination_length: u8,
}

impl Npt {
    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Info {
            src_pfx: [u8; 16],
            dst_pfx: [u8; 16],
            src_pfx_len: u8,
            dst_pfx_len: u8,
        }
        if (family, revision) != (Family::Ip6, 0) {
            return None;
        }
        let raw: Info = read(data)?;
        Some(Self {
            source: raw.src_pfx.into(),
            source_length: raw.src_pfx_len,
            destination: raw.dst_pfx.into(),
            destination_length: raw.dst_pfx_len,
        })
    }
}
