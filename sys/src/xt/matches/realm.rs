//! `-m realm` (include/uapi/linux/netfilter/xt_realm.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The realm of the route (`struct xt_realm_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Realm {
    /// The bits that the realm must have.
    pub realm: u32,
    /// The bits looked at.
    pub mask: u32,
    /// Inverted, if not 0.
    pub invert: u8,
}

impl Realm {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
