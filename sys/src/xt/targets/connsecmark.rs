//! `-j CONNSECMARK` (include/uapi/linux/netfilter/xt_CONNSECMARK.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Moves a security mark between packet and connection (`struct xt_connsecmark_target_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Connsecmark {
    /// 1 save, 2 restore.
    pub mode: u8,
}

impl Connsecmark {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
