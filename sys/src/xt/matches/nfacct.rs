//! `-m nfacct` (include/uapi/linux/netfilter/xt_nfacct.h).

use serde::Serialize;

use crate::TextRef;

/// Counts the packet in a named counter and matches (`struct xt_nfacct_match_info_v1` and older); where the counter
/// has a quota, only while it is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Nfacct<'a> {
    /// The counter's name.
    pub name: TextRef<'a>,
}

impl<'a> Nfacct<'a> {
    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        const NAME: usize = 32;
        if revision > 1 {
            return None;
        }
        data.get(..NAME).map(|name| Self { name: TextRef::from_c(name) })
    }
}
