//! `-m connlabel` (include/uapi/linux/netfilter/xt_connlabel.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// A label of a connection (`struct xt_connlabel_mtinfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Connlabel {
    /// The label, 0 to 127.
    pub bit: u16,
    /// `XT_CONNLABEL_OP_*`.
    pub options: u16,
}

impl Connlabel {
    /// `XT_CONNLABEL_OP_INVERT`
    pub const INVERT: u16 = 1 << 0;
    /// `XT_CONNLABEL_OP_SET`: the label is set, and the match fails if it cannot be.
    pub const SET: u16 = 1 << 1;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
