//! `-j SET` (include/uapi/linux/netfilter/xt_set.h).

use serde::Serialize;

use crate::xt::SetReference;
use crate::xt::wire::read;

/// Changes ipsets, or takes a packet's marks from one (`struct xt_set_info_target_v3` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Set {
    /// Add to this set.
    pub add: SetReference,
    /// Delete from this set.
    pub delete: SetReference,
    /// Take mark, priority or queue from this set.
    pub map: SetReference,
    /// `IPSET_FLAG_*`.
    pub flags: u32,
    /// Timeout of the new element in seconds; `u32::MAX` for the set's own.
    pub timeout: u32,
}

impl Set {
    /// `IPSET_FLAG_EXIST`: refresh the timeout of an element that is there.
    pub const EXIST: u32 = 1 << 0;
    /// `IPSET_FLAG_MAP_SKBMARK`
    pub const MAP_MARK: u32 = 1 << 8;
    /// `IPSET_FLAG_MAP_SKBPRIO`
    pub const MAP_PRIORITY: u32 = 1 << 9;
    /// `IPSET_FLAG_MAP_SKBQUEUE`
    pub const MAP_QUEUE: u32 = 1 << 10;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        let at = |offset: usize| SetReference::parse(data.get(offset..)?);
        let word = |offset: usize| read::<u32>(data.get(offset..)?);
        let (none, never) = (SetReference::NONE, u32::MAX);
        Some(match revision {
            0 => {
                let old = |offset: usize| SetReference::parse_v0(data.get(offset..)?);
                Self { add: old(0)?, delete: old(SetReference::SIZE_V0)?, map: none, flags: 0, timeout: never }
            }
            1 => Self { add: at(0)?, delete: at(4)?, map: none, flags: 0, timeout: never },
            2 => Self { add: at(0)?, delete: at(4)?, map: none, flags: word(8)?, timeout: word(12)? },
            3 => Self { add: at(0)?, delete: at(4)?, map: at(8)?, flags: word(12)?, timeout: word(16)? },
            _ => return None,
        })
    }
}
