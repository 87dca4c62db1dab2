//! `queue`: hands the packet to a program.

use bitflags::bitflags;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_QUEUE_FLAG_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct QueueFlags: u16 {
        /// Accept when nobody listens.
        const BYPASS = NFT_QUEUE_FLAG_BYPASS;
        /// The queue is chosen by processor, not by hash.
        const FANOUT = NFT_QUEUE_FLAG_CPU_FANOUT;
        const _ = !0;
    }
}

/// `queue` (`NFTA_QUEUE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Queue {
    /// Which queue.
    pub target: QueueTarget,
    /// Its flags.
    pub flags: QueueFlags,
}

/// Which queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueTarget {
    /// One of a range.
    Range {
        /// The first.
        first: u16,
        /// How many.
        total: u16,
    },
    /// The number in a register (u16, host order).
    Reg(Reg),
}

impl Queue {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut first, mut total, mut reg, mut flags) = (None, 1, None, QueueFlags::empty());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_QUEUE_NUM => first = Some(a.be16()?),
                NFTA_QUEUE_TOTAL => total = a.be16()?,
                NFTA_QUEUE_FLAGS => flags = QueueFlags::from_bits_retain(a.be16()?),
                NFTA_QUEUE_SREG_QNUM => reg = Some(a.reg()?),
                _ => f.pass_over(),
            }
        }
        let target = match reg {
            Some(reg) => QueueTarget::Reg(reg),
            None => QueueTarget::Range { first: first.required("NFTA_QUEUE_NUM")?, total },
        };
        Ok(Self { target, flags })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        match self.target {
            QueueTarget::Range { first, total } => b.be16(NFTA_QUEUE_NUM, first).be16(NFTA_QUEUE_TOTAL, total),
            QueueTarget::Reg(reg) => b.reg(NFTA_QUEUE_SREG_QNUM, reg),
        };
        b.be16(NFTA_QUEUE_FLAGS, self.flags.bits());
    }
}
