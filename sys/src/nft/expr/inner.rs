//! `inner`: runs an expression on the packet inside a tunnel packet.

use bitflags::bitflags;
use serde::Serialize;

use super::Expr;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// The tunnel protocol (`NFT_INNER_*`).
    pub enum InnerKind(u32) {
        /// Given by the header size alone: GRE, IP in IP.
        Generic = 0 => "generic",
        /// VXLAN.
        Vxlan = NFT_INNER_VXLAN => "vxlan",
        /// GENEVE.
        Geneve = NFT_INNER_GENEVE => "geneve",
    }
}

bitflags! {
    /// What is inside (`NFT_INNER_*`).
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct InnerFlags: u32 {
        /// The tunnel header has the size given.
        const HDRSIZE = NFT_INNER_HDRSIZE;
        /// A link-layer header.
        const LL = NFT_INNER_LL;
        /// A network header.
        const NH = NFT_INNER_NH;
        /// A transport header.
        const TH = NFT_INNER_TH;
        const _ = !0;
    }
}

/// `inner` (`NFTA_INNER_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inner {
    /// The tunnel protocol.
    pub kind: InnerKind,
    /// What is inside.
    pub flags: InnerFlags,
    /// The size of the tunnel header in bytes.
    pub hdrsize: u32,
    /// What is done: a payload or a meta expression.
    pub expr: Box<Expr>,
}

impl Inner {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut kind, mut flags, mut hdrsize, mut expr) = (None, InnerFlags::empty(), 0, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                // Always 0 so far; anything else would be a tunnel inside a tunnel.
                NFTA_INNER_NUM if a.be32()? == 0 => {}
                NFTA_INNER_TYPE => kind = Some(a.be32()?.into()),
                NFTA_INNER_FLAGS => flags = InnerFlags::from_bits_retain(a.be32()?),
                NFTA_INNER_HDRSIZE => hdrsize = a.be32()?,
                NFTA_INNER_EXPR => expr = Some(Box::new(Expr::decode_at(a.nested(), f.depth + 1))),
                _ => f.pass_over(),
            }
        }
        let (kind, expr) = (kind.required("NFTA_INNER_TYPE")?, expr.required("NFTA_INNER_EXPR")?);
        Ok(Self { kind, flags, hdrsize, expr })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_INNER_NUM, 0).be32(NFTA_INNER_TYPE, self.kind.code());
        b.be32(NFTA_INNER_FLAGS, self.flags.bits()).be32(NFTA_INNER_HDRSIZE, self.hdrsize);
        b.nest(NFTA_INNER_EXPR, |b| self.expr.write(b));
    }
}
