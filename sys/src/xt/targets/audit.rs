//! `-j AUDIT` (include/uapi/linux/netfilter/xt_AUDIT.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Writes an audit record and goes on (`struct xt_audit_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Audit {
    /// What the record says happened: 0 accept, 1 drop, 2 reject. Nothing does happen.
    pub kind: u8,
}

impl Audit {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
