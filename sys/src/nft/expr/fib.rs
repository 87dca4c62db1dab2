//! `fib`: asks the routing table.

use bitflags::bitflags;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// What it answers (`NFT_FIB_RESULT_*`), in nft's words.
    pub enum FibResult(u32) {
        /// Index of the output device; 0 without a route.
        Oif = NFT_FIB_RESULT_OIF => "oif",
        /// Name of the output device; empty without a route.
        Oifname = NFT_FIB_RESULT_OIFNAME => "oifname",
        /// Type of the address (`RTN_*`).
        Addrtype = NFT_FIB_RESULT_ADDRTYPE => "type",
    }
}

bitflags! {
    /// What it asks with (`NFTA_FIB_F_*`).
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct FibFlags: u32 {
        /// About the source address.
        const SADDR = NFTA_FIB_F_SADDR;
        /// About the destination address.
        const DADDR = NFTA_FIB_F_DADDR;
        /// With the packet's mark.
        const MARK = NFTA_FIB_F_MARK;
        /// Only for the input device.
        const IIF = NFTA_FIB_F_IIF;
        /// Only for the output device.
        const OIF = NFTA_FIB_F_OIF;
        /// Only whether there is an answer: 1 or 0.
        const PRESENT = NFTA_FIB_F_PRESENT;
        const _ = !0;
    }
}

/// `fib` (`NFTA_FIB_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fib {
    /// To where.
    pub dreg: Reg,
    /// What it answers.
    pub result: FibResult,
    /// What it asks with.
    pub flags: FibFlags,
}

impl Fib {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut dreg, mut result, mut flags) = (None, None, FibFlags::empty());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_FIB_DREG => dreg = Some(a.reg()?),
                NFTA_FIB_RESULT => result = Some(a.be32()?.into()),
                NFTA_FIB_FLAGS => flags = FibFlags::from_bits_retain(a.be32()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self { dreg: dreg.required("NFTA_FIB_DREG")?, result: result.required("NFTA_FIB_RESULT")?, flags })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_FIB_DREG, self.dreg).be32(NFTA_FIB_RESULT, self.result.code());
        b.be32(NFTA_FIB_FLAGS, self.flags.bits());
    }
}
