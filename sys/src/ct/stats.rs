//! How the table is doing.

use byteorder::BE;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Attrs;
use crate::uapi::nfnetlink_conntrack::*;

/// The size of the table (`CTA_STATS_GLOBAL_*`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Connections of this network namespace.
    pub entries: u32,
    /// The most that one namespace may have; None before Linux 5.18.
    pub max: Option<u32>,
}

impl Totals {
    pub(super) fn parse(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        let mut totals = Self::default();
        for a in attrs {
            let a = a?;
            match a.kind() {
                CTA_STATS_GLOBAL_ENTRIES => totals.entries = a.u32::<BE>()?,
                CTA_STATS_GLOBAL_MAX_ENTRIES => totals.max = Some(a.u32::<BE>()?),
                _ => {}
            }
        }
        Ok(totals)
    }
}

/// The counters of one CPU (`CTA_STATS_*`). None: this kernel does not count it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CpuStats {
    /// The CPU.
    pub cpu: u16,
    /// Entries found that were already in the table.
    pub found: Option<u32>,
    /// Packets that cannot be tracked.
    pub invalid: Option<u32>,
    /// Entries put into the table.
    pub insert: Option<u32>,
    /// Entries that could not be: the same tuple was there already (as with NAT clashes).
    pub insert_failed: Option<u32>,
    /// Packets dropped: no entry could be made or inserted.
    pub drop: Option<u32>,
    /// Entries thrown out to make room.
    pub early_drop: Option<u32>,
    /// ICMP errors that could not be tracked.
    pub error: Option<u32>,
    /// Lookups begun again because the table was resized.
    pub search_restart: Option<u32>,
    /// Clashes that were resolved.
    pub clash_resolve: Option<u32>,
    /// Inserts given up because a chain was too long.
    pub chain_toolong: Option<u32>,
}

impl CpuStats {
    pub(super) fn parse(cpu: u16, attrs: Attrs<'_>) -> Result<Self, Malformed> {
        let mut stats = Self { cpu, ..Self::default() };
        for a in attrs {
            let a = a?;
            let slot = match a.kind() {
                CTA_STATS_FOUND => &mut stats.found,
                CTA_STATS_INVALID => &mut stats.invalid,
                CTA_STATS_INSERT => &mut stats.insert,
                CTA_STATS_INSERT_FAILED => &mut stats.insert_failed,
                CTA_STATS_DROP => &mut stats.drop,
                CTA_STATS_EARLY_DROP => &mut stats.early_drop,
                CTA_STATS_ERROR => &mut stats.error,
                CTA_STATS_SEARCH_RESTART => &mut stats.search_restart,
                CTA_STATS_CLASH_RESOLVE => &mut stats.clash_resolve,
                CTA_STATS_CHAIN_TOOLONG => &mut stats.chain_toolong,
                _ => continue,
            };
            *slot = Some(a.u32::<BE>()?);
        }
        Ok(stats)
    }
}
