//! `-j NFQUEUE` (include/uapi/linux/netfilter/xt_NFQUEUE.h).

use serde::Serialize;

use crate::xt::wire::read;

/// Hands the packet to a program; without one listening it dies, unless bypassed (`struct xt_NFQ_info_v3`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Nfqueue {
    /// The first queue.
    pub queue: u16,
    /// How many queues share the load; 1 in revision 0.
    pub total: u16,
    /// `NFQ_FLAG_*`.
    pub flags: u16,
    /// Which revision it came in: older ones have no flags.
    pub revision: u8,
}

impl Nfqueue {
    /// `NFQ_FLAG_BYPASS`: accept the packet if nobody listens.
    pub const BYPASS: u16 = 1;
    /// `NFQ_FLAG_CPU_FANOUT`: the CPU chooses the queue.
    pub const CPU_FANOUT: u16 = 2;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        let [queue, total, flags] = match revision {
            0 => [read(data)?, 1, 0],
            1 => {
                let [queue, total] = read(data)?;
                [queue, total, 0]
            }
            2 | 3 => read(data)?,
            _ => return None,
        };
        Some(Self { queue, total, flags, revision })
    }
}
