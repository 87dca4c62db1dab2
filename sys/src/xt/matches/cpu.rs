//! `-m cpu` (include/uapi/linux/netfilter/xt_cpu.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// A processor (`struct xt_cpu_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Cpu {
    /// The processor that handles the packet.
    pub cpu: u32,
    /// Inverted, if not 0.
    pub invert: u32,
}

impl Cpu {
    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
