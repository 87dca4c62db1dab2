//! `-m set` (include/uapi/linux/netfilter/xt_set.h).

use serde::Serialize;

use crate::uapi::ip_set::{IPSET_FLAG_RETURN_NOMATCH, IPSET_INV_MATCH, IPSET_RETURN_NOMATCH};
use crate::xt::SetReference;
use crate::xt::wire::read;

/// Membership in an ipset (`struct xt_set_info_match_v4` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Set {
    /// The set and what is looked up in it.
    pub set: SetReference,
    /// `IPSET_FLAG_*`.
    pub flags: u32,
    /// How the packet counter of the element is compared.
    pub packets: SetCounter,
    /// How the byte counter of the element is compared.
    pub bytes: SetCounter,
}

/// A comparison with a counter (`struct ip_set_counter_match` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SetCounter {
    /// `IPSET_COUNTER_*`.
    pub op: u8,
    /// What it is compared with.
    pub value: u64,
}

impl Set {
    /// Is the condition inverted?
    pub fn invert(&self) -> bool {
        self.set.flags & IPSET_INV_MATCH != 0
    }

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        // Both revisions of a counter take 16 bytes, with value and operation the other way round.
        let counter =
            |op: usize, value: usize| Some(SetCounter { op: *data.get(op)?, value: read(data.get(value..)?)? });
        let none = SetCounter::default();
        Some(match revision {
            0 => Self { set: SetReference::parse_v0(data)?, flags: 0, packets: none, bytes: none },
            1 | 2 => {
                let set = SetReference::parse(data)?;
                let flags = if set.flags & IPSET_RETURN_NOMATCH != 0 { IPSET_FLAG_RETURN_NOMATCH } else { 0 };
                Self { set, flags, packets: none, bytes: none }
            }
            3 | 4 => {
                let (packets, bytes) = if revision == 3 {
                    (counter(8, 16)?, counter(24, 32)?)
                } else {
                    (counter(16, 8)?, counter(32, 24)?)
                };
                Self { set: SetReference::parse(data)?, flags: read(data.get(40..)?)?, packets, bytes }
            }
            _ => return None,
        })
    }
}
