//! `dynset`: a rule that changes a set.

use bitflags::bitflags;
use serde::Serialize;

use super::Expr;
use crate::Text;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_DYNSET_OP_*`.
    pub enum DynsetOp(u32) {
        /// Adds the element if it is not there.
        Add = NFT_DYNSET_OP_ADD => "add",
        /// Adds it, or makes it live longer.
        Update = NFT_DYNSET_OP_UPDATE => "update",
        /// Deletes it.
        Delete = NFT_DYNSET_OP_DELETE => "delete",
    }
}

bitflags! {
    /// `NFT_DYNSET_F_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct DynsetFlags: u32 {
        /// The rule goes on if it failed.
        const INV = NFT_DYNSET_F_INV;
        /// New elements get the expressions.
        const EXPR = NFT_DYNSET_F_EXPR;
        const _ = !0;
    }
}

/// `dynset` (`NFTA_DYNSET_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dynset {
    /// What is done.
    pub op: DynsetOp,
    /// The set.
    pub set: Text,
    /// The set's id within a transaction.
    pub set_id: Option<u32>,
    /// The key.
    pub key: Reg,
    /// The data, for a map.
    pub data: Option<Reg>,
    /// How long the element lives, in milliseconds; nothing (or 0) for the set's default.
    pub timeout: Option<u64>,
    /// Its flags.
    pub flags: DynsetFlags,
    /// What each element carries.
    pub exprs: Vec<Expr>,
}

impl Dynset {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut op, mut set, mut set_id, mut key, mut data, mut timeout) = (None, None, None, None, None, None);
        let (mut flags, mut exprs) = (DynsetFlags::empty(), Vec::new());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_DYNSET_SET_NAME => set = Some(a.text()),
                NFTA_DYNSET_SET_ID => set_id = Some(a.be32()?),
                NFTA_DYNSET_OP => op = Some(a.be32()?.into()),
                NFTA_DYNSET_SREG_KEY => key = Some(a.reg()?),
                NFTA_DYNSET_SREG_DATA => data = Some(a.reg()?),
                NFTA_DYNSET_TIMEOUT => timeout = Some(a.be64()?),
                // A single expression comes as the first, several as the second.
                NFTA_DYNSET_EXPR => exprs = vec![Expr::decode_at(a.nested(), f.depth + 1)],
                NFTA_DYNSET_EXPRESSIONS => exprs = Expr::list_at(a.nested(), f.depth + 1),
                NFTA_DYNSET_FLAGS => flags = DynsetFlags::from_bits_retain(a.be32()?),
                NFTA_DYNSET_PAD => {}
                _ => f.pass_over(),
            }
        }
        Ok(Self {
            op: op.required("NFTA_DYNSET_OP")?,
            set: set.required("NFTA_DYNSET_SET_NAME")?,
            set_id,
            key: key.required("NFTA_DYNSET_SREG_KEY")?,
            data,
            timeout,
            flags,
            exprs,
        })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.str(NFTA_DYNSET_SET_NAME, &self.set).opt_be32(NFTA_DYNSET_SET_ID, self.set_id);
        b.be32(NFTA_DYNSET_OP, self.op.code()).reg(NFTA_DYNSET_SREG_KEY, self.key);
        b.opt_reg(NFTA_DYNSET_SREG_DATA, self.data).opt_be64(NFTA_DYNSET_TIMEOUT, self.timeout);
        // The kernel wants this for a list of expressions, and does not tell it.
        let list = if self.exprs.len() > 1 { DynsetFlags::EXPR } else { DynsetFlags::empty() };
        b.be32(NFTA_DYNSET_FLAGS, (self.flags | list).bits());
        Expr::write_some(&self.exprs, b, NFTA_DYNSET_EXPR, NFTA_DYNSET_EXPRESSIONS);
    }
}
