//! `-m tos` (include/uapi/linux/netfilter/xt_dscp.h).

use serde::Serialize;

use crate::xt::wire::read;

/// TOS or traffic class (`struct xt_tos_match_info` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tos {
    /// The bits that must be set of those in the mask.
    pub value: u8,
    /// The bits looked at; `None` in revision 0, which looks at all.
    pub mask: Option<u8>,
    /// The condition is inverted.
    pub invert: bool,
}

impl Tos {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        match revision {
            0 => read(data).map(|[value, invert]: [u8; 2]| Self { value, mask: None, invert: invert != 0 }),
            1 => read(data).map(|[mask, value, invert]: [u8; 3]| Self { value, mask: Some(mask), invert: invert != 0 }),
            _ => None,
        }
    }
}
