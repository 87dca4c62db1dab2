//! `-m recent` (include/uapi/linux/netfilter/xt_recent.h).

use std::net::IpAddr;

use serde::Serialize;

use crate::TextRef;
use crate::xt::Family;
use crate::xt::wire::{address, read};

/// Addresses seen recently (`struct xt_recent_mtinfo_v1` and older); the list is in `/proc/net/xt_recent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Recent<'a> {
    /// The name of the list.
    pub name: TextRef<'a>,
    /// Seen within so many seconds; 0 for ever.
    pub seconds: u32,
    /// Seen at least so often; 0 for once.
    pub hits: u32,
    /// `XT_RECENT_*`: what is done.
    pub what: u8,
    /// The condition is inverted.
    pub invert: bool,
    /// 0: the source; 1: the destination.
    pub side: u8,
    /// The part of the address that counts; `None` in revision 0.
    pub mask: Option<IpAddr>,
}

impl<'a> Recent<'a> {
    /// `XT_RECENT_CHECK`: is it there?
    pub const CHECK: u8 = 1 << 0;
    /// `XT_RECENT_SET`: it is put there.
    pub const SET: u8 = 1 << 1;
    /// `XT_RECENT_UPDATE`: is it there? Then it is seen again.
    pub const UPDATE: u8 = 1 << 2;
    /// `XT_RECENT_REMOVE`: it is taken away.
    pub const REMOVE: u8 = 1 << 3;
    /// `XT_RECENT_TTL`: with the same TTL.
    pub const TTL: u8 = 1 << 4;
    /// `XT_RECENT_REAP`: older entries are thrown away.
    pub const REAP: u8 = 1 << 5;
    /// `XT_RECENT_SOURCE`
    pub const SOURCE: u8 = 0;
    /// `XT_RECENT_DEST`
    pub const DESTINATION: u8 = 1;

    pub(super) fn decode(family: Family, revision: u8, data: &'a [u8]) -> Option<Self> {
        let mask = match revision {
            0 => None,
            1 => Some(address(family, data.get(212..)?.first_chunk()?)?),
            _ => return None,
        };
        let [seconds, hits]: [u32; 2] = read(data)?;
        let [what, invert]: [u8; 2] = read(data.get(8..)?)?;
        let name = TextRef::from_c(data.get(10..210)?);
        Some(Self { name, seconds, hits, what, invert: invert != 0, side: *data.get(210)?, mask })
    }
}
