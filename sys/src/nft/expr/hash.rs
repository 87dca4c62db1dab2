//! `hash`: of a register (`jhash`) or of the packet's flow (`symhash`).

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// Of what (`NFT_HASH_*`), in nft's words.
    pub enum HashKind(u32) {
        /// Jenkins' hash of a register.
        Jhash = NFT_HASH_JENKINS => "jhash",
        /// A hash of the flow, the same in both directions.
        Symhash = NFT_HASH_SYM => "symhash",
    }
}

/// `hash` (`NFTA_HASH_*`): a number (u32, host order) from `offset` to `offset + modulus - 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Hash {
    /// Of what.
    pub kind: HashKind,
    /// The register that is hashed, with `jhash`.
    pub sreg: Option<Reg>,
    /// How many bytes of it.
    pub len: Option<u32>,
    /// To where.
    pub dreg: Reg,
    /// How many different numbers.
    pub modulus: u32,
    /// The seed; nothing where the kernel chose one.
    pub seed: Option<u32>,
    /// The lowest number.
    pub offset: u32,
}

impl Hash {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        // Absent before Linux 4.12, which only knew the first.
        let mut kind = HashKind::Jhash;
        let (mut sreg, mut len, mut dreg, mut modulus, mut seed, mut offset) = (None, None, None, None, None, 0);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_HASH_SREG => sreg = Some(a.reg()?),
                NFTA_HASH_DREG => dreg = Some(a.reg()?),
                NFTA_HASH_LEN => len = Some(a.be32()?),
                NFTA_HASH_MODULUS => modulus = Some(a.be32()?),
                NFTA_HASH_SEED => seed = Some(a.be32()?),
                NFTA_HASH_OFFSET => offset = a.be32()?,
                NFTA_HASH_TYPE => kind = a.be32()?.into(),
                _ => f.pass_over(),
            }
        }
        let (dreg, modulus) = (dreg.required("NFTA_HASH_DREG")?, modulus.required("NFTA_HASH_MODULUS")?);
        Ok(Self { kind, sreg, len, dreg, modulus, seed, offset })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.opt_reg(NFTA_HASH_SREG, self.sreg).reg(NFTA_HASH_DREG, self.dreg).opt_be32(NFTA_HASH_LEN, self.len);
        b.be32(NFTA_HASH_MODULUS, self.modulus).opt_be32(NFTA_HASH_SEED, self.seed);
        b.be32(NFTA_HASH_OFFSET, self.offset).be32(NFTA_HASH_TYPE, self.kind.code());
    }
}
