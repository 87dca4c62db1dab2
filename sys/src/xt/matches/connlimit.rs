//! `-m connlimit` (include/uapi/linux/netfilter/xt_connlimit.h).

use std::net::IpAddr;

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::Family;
use crate::xt::wire::{address, read};

/// How many connections an address has (`struct xt_connlimit_info`); their count stays in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Connlimit {
    /// The part of the address that is one client.
    pub mask: IpAddr,
    /// More than so many connections.
    pub limit: u32,
    /// `XT_CONNLIMIT_*`.
    pub flags: u32,
}

impl Connlimit {
    /// `XT_CONNLIMIT_INVERT`: up to the limit.
    pub const INVERT: u32 = 1 << 0;
    /// `XT_CONNLIMIT_DADDR`: of the destination.
    pub const DESTINATION: u32 = 1 << 1;

    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Info {
            mask: [u8; 16],
            limit: u32,
            flags: u32,
        }
        if revision != 1 {
            return None;
        }
        let raw: Info = read(data)?;
        Some(Self { mask: address(family, &raw.mask)?, limit: raw.limit, flags: raw.flags })
    }
}
