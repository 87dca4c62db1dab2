//! `-m owner` (include/uapi/linux/netfilter/xt_owner.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Who owns the socket that a packet leaves (`struct xt_owner_match_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Owner {
    /// User ids, both ends included.
    pub uids: [u32; 2],
    /// Group ids, both ends included.
    pub gids: [u32; 2],
    /// `XT_OWNER_*`: what is looked at.
    pub matched: u8,
    /// The same bits: what is inverted.
    pub invert: u8,
}

impl Owner {
    /// `XT_OWNER_UID`
    pub const UID: u8 = 1 << 0;
    /// `XT_OWNER_GID`
    pub const GID: u8 = 1 << 1;
    /// `XT_OWNER_SOCKET`: there is a socket.
    pub const SOCKET: u8 = 1 << 2;
    /// `XT_OWNER_SUPPL_GROUPS`: supplementary groups count too.
    pub const SUPPLEMENTARY: u8 = 1 << 3;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 1).then(|| read(data)).flatten()
    }
}
