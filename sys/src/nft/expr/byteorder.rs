//! `byteorder`: swaps bytes.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_BYTEORDER_*`.
    pub enum ByteorderOp(u32) {
        /// Network to host.
        Ntoh = NFT_BYTEORDER_NTOH => "ntoh",
        /// Host to network.
        Hton = NFT_BYTEORDER_HTON => "hton",
    }
}

/// `byteorder` (`NFTA_BYTEORDER_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Byteorder {
    /// From where.
    pub sreg: Reg,
    /// To where.
    pub dreg: Reg,
    /// Which way.
    pub op: ByteorderOp,
    /// How many bytes are swapped in all. Older kernels (6.12 among them) say `size` here, whatever it is.
    pub len: u8,
    /// How many bytes each number has: 2, 4 or 8.
    pub size: u8,
}

impl Byteorder {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut sreg, mut dreg, mut op, mut len, mut size) = (None, None, None, None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_BYTEORDER_SREG => sreg = Some(a.reg()?),
                NFTA_BYTEORDER_DREG => dreg = Some(a.reg()?),
                NFTA_BYTEORDER_OP => op = Some(a.be32()?.into()),
                NFTA_BYTEORDER_LEN => len = Some(a.be32_as_u8()?),
                NFTA_BYTEORDER_SIZE => size = Some(a.be32_as_u8()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self {
            sreg: sreg.required("NFTA_BYTEORDER_SREG")?,
            dreg: dreg.required("NFTA_BYTEORDER_DREG")?,
            op: op.required("NFTA_BYTEORDER_OP")?,
            len: len.required("NFTA_BYTEORDER_LEN")?,
            size: size.required("NFTA_BYTEORDER_SIZE")?,
        })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_BYTEORDER_SREG, self.sreg).reg(NFTA_BYTEORDER_DREG, self.dreg);
        b.be32(NFTA_BYTEORDER_OP, self.op.code());
        b.be32(NFTA_BYTEORDER_LEN, self.len.into()).be32(NFTA_BYTEORDER_SIZE, self.size.into());
    }
}
