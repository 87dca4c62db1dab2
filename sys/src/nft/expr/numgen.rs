//! `numgen`: counts, or throws dice.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// How (`NFT_NG_*`), in nft's words.
    pub enum NumgenKind(u32) {
        /// One more each time.
        Incremental = NFT_NG_INCREMENTAL => "inc",
        /// Random.
        Random = NFT_NG_RANDOM => "random",
    }
}

/// `numgen` (`NFTA_NG_*`): a number (u32, host order) from `offset` to `offset + modulus - 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Numgen {
    /// To where.
    pub dreg: Reg,
    /// How many different numbers.
    pub modulus: u32,
    /// How.
    pub kind: NumgenKind,
    /// The lowest.
    pub offset: u32,
}

impl Numgen {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut dreg, mut modulus, mut kind, mut offset) = (None, None, None, 0);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_NG_DREG => dreg = Some(a.reg()?),
                NFTA_NG_MODULUS => modulus = Some(a.be32()?),
                NFTA_NG_TYPE => kind = Some(a.be32()?.into()),
                NFTA_NG_OFFSET => offset = a.be32()?,
                _ => f.pass_over(),
            }
        }
        Ok(Self {
            dreg: dreg.required("NFTA_NG_DREG")?,
            modulus: modulus.required("NFTA_NG_MODULUS")?,
            kind: kind.required("NFTA_NG_TYPE")?,
            offset,
        })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_NG_DREG, self.dreg).be32(NFTA_NG_MODULUS, self.modulus);
        b.be32(NFTA_NG_TYPE, self.kind.code()).be32(NFTA_NG_OFFSET, self.offset);
    }
}
