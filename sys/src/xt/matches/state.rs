//! `-m state` (include/uapi/linux/netfilter/xt_state.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The state of the connection; obsolete since [`Conntrack`](super::Conntrack) (`struct xt_state_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct State {
    /// `XT_STATE_*`: bit 0 invalid, bits 1 to 3 established, related, new; see [`Conntrack`](super::Conntrack).
    pub states: u32,
}

impl State {
    /// `XT_STATE_UNTRACKED`
    pub const UNTRACKED: u32 = 1 << 6;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
