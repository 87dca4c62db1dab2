//! `cmp`: the rule goes on if the comparison holds.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::{Data, Reg};
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_CMP_*`; data compare as bytes (`memcmp`), the register on the left.
    pub enum CmpOp(u32) {
        /// `==`
        Eq = NFT_CMP_EQ => "eq",
        /// `!=`
        Neq = NFT_CMP_NEQ => "neq",
        /// `<`
        Lt = NFT_CMP_LT => "lt",
        /// `<=`
        Lte = NFT_CMP_LTE => "lte",
        /// `>`
        Gt = NFT_CMP_GT => "gt",
        /// `>=`
        Gte = NFT_CMP_GTE => "gte",
    }
}

/// `cmp` (`NFTA_CMP_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cmp {
    /// How.
    pub op: CmpOp,
    /// The register.
    pub sreg: Reg,
    /// What it is compared with; its length says how much of the register counts.
    pub data: Data,
}

impl Cmp {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut op, mut sreg, mut data) = (None, None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_CMP_SREG => sreg = Some(a.reg()?),
                NFTA_CMP_OP => op = Some(a.be32()?.into()),
                NFTA_CMP_DATA => data = Some(f.data(a)?),
                _ => f.pass_over(),
            }
        }
        Ok(Self {
            op: op.required("NFTA_CMP_OP")?,
            sreg: sreg.required("NFTA_CMP_SREG")?,
            data: data.required("NFTA_CMP_DATA")?,
        })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_CMP_SREG, self.sreg).be32(NFTA_CMP_OP, self.op.code()).data(NFTA_CMP_DATA, &self.data);
    }
}
