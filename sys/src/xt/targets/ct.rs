//! `-j CT` and `-j NOTRACK` (include/uapi/linux/netfilter/xt_CT.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::TextRef;
use crate::xt::wire::read;

/// How connection tracking shall treat the packet (`struct xt_ct_target_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ct<'a> {
    /// `XT_CT_*`.
    pub flags: u16,
    /// Zone.
    pub zone: u16,
    /// Bit n: events of type n (`IPCT_*`) are told to user space; 0 for all.
    pub events: u32,
    /// The same for expectations (`IPEXP_*`).
    pub expectation_events: u32,
    /// Helper; empty for none.
    pub helper: TextRef<'a>,
    /// Timeout policy; empty for none.
    pub timeout: TextRef<'a>,
}

impl<'a> Ct<'a> {
    /// `XT_CT_NOTRACK`
    pub const NOTRACK: u16 = 1 << 0;
    /// `XT_CT_NOTRACK_ALIAS`: written as `-j NOTRACK`.
    pub const NOTRACK_ALIAS: u16 = 1 << 1;
    /// `XT_CT_ZONE_DIR_ORIG`
    pub const ZONE_ORIGINAL: u16 = 1 << 2;
    /// `XT_CT_ZONE_DIR_REPL`
    pub const ZONE_REPLY: u16 = 1 << 3;
    /// `XT_CT_ZONE_MARK`: the packet's mark is the zone.
    pub const ZONE_MARK: u16 = 1 << 4;

    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Info {
            flags: u16,
            zone: u16,
            ct_events: u32,
            exp_events: u32,
        }
        let timeout = match revision {
            0 => &[],
            1 | 2 => data.get(28..60)?,
            _ => return None,
        };
        let Info { flags, zone, ct_events, exp_events } = read(data)?;
        Some(Self {
            flags,
            zone,
            events: ct_events,
            expectation_events: exp_events,
            helper: TextRef::from_c(data.get(12..28)?),
            timeout: TextRef::from_c(timeout),
        })
    }
}
