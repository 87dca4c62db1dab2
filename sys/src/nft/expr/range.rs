//! `range`: the rule goes on if the register is in the range, or is not.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::{Data, Reg};
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_RANGE_*`.
    pub enum RangeOp(u32) {
        /// Inside.
        Eq = NFT_RANGE_EQ => "eq",
        /// Outside.
        Neq = NFT_RANGE_NEQ => "neq",
    }
}

/// `range` (`NFTA_RANGE_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Range {
    /// Inside or outside.
    pub op: RangeOp,
    /// The register.
    pub sreg: Reg,
    /// The first value inside.
    pub from: Data,
    /// The last value inside.
    pub to: Data,
}

impl Range {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut op, mut sreg, mut from, mut to) = (None, None, None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_RANGE_SREG => sreg = Some(a.reg()?),
                NFTA_RANGE_OP => op = Some(a.be32()?.into()),
                NFTA_RANGE_FROM_DATA => from = Some(f.data(a)?),
                NFTA_RANGE_TO_DATA => to = Some(f.data(a)?),
                _ => f.pass_over(),
            }
        }
        Ok(Self {
            op: op.required("NFTA_RANGE_OP")?,
            sreg: sreg.required("NFTA_RANGE_SREG")?,
            from: from.required("NFTA_RANGE_FROM_DATA")?,
            to: to.required("NFTA_RANGE_TO_DATA")?,
        })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_RANGE_SREG, self.sreg).be32(NFTA_RANGE_OP, self.op.code());
        b.data(NFTA_RANGE_FROM_DATA, &self.from).data(NFTA_RANGE_TO_DATA, &self.to);
    }
}
