//! `-m helper` (include/uapi/linux/netfilter/xt_helper.h).

use serde::Serialize;

use crate::TextRef;
use crate::xt::wire::read;

/// The conntrack helper that announced the connection (`struct xt_helper_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Helper<'a> {
    /// Its name; empty for any helper.
    pub name: TextRef<'a>,
    /// The condition is inverted.
    pub invert: bool,
}

impl<'a> Helper<'a> {
    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        const NAME: std::ops::Range<usize> = 4..34;
        if revision != 0 {
            return None;
        }
        Some(Self { name: TextRef::from_c(data.get(NAME)?), invert: read::<i32>(data)? != 0 })
    }
}
