//! `lookup`: the rule goes on if the set has the key, or has not.

use bitflags::bitflags;
use serde::Serialize;

use crate::Text;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_LOOKUP_F_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct LookupFlags: u32 {
        /// The rule goes on if the set has *not* the key.
        const INV = NFT_LOOKUP_F_INV;
        const _ = !0;
    }
}

/// `lookup` (`NFTA_LOOKUP_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lookup {
    /// The set.
    pub set: Text,
    /// The set's id within a transaction.
    pub set_id: Option<u32>,
    /// The key.
    pub sreg: Reg,
    /// Where a map's data go; [`Reg::VERDICT`] for a verdict map; nothing for a set.
    pub dreg: Option<Reg>,
    /// Its flags.
    pub flags: LookupFlags,
}

impl Lookup {
    /// Does the rule go on if the set has *not* the key?
    pub fn inverted(&self) -> bool {
        self.flags.contains(LookupFlags::INV)
    }

    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut set, mut set_id, mut sreg, mut dreg, mut flags) = (None, None, None, None, LookupFlags::empty());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_LOOKUP_SET => set = Some(a.text()),
                NFTA_LOOKUP_SREG => sreg = Some(a.reg()?),
                NFTA_LOOKUP_DREG => dreg = Some(a.reg()?),
                NFTA_LOOKUP_SET_ID => set_id = Some(a.be32()?),
                NFTA_LOOKUP_FLAGS => flags = LookupFlags::from_bits_retain(a.be32()?),
                _ => f.pass_over(),
            }
        }
        let (set, sreg) = (set.required("NFTA_LOOKUP_SET")?, sreg.required("NFTA_LOOKUP_SREG")?);
        Ok(Self { set, set_id, sreg, dreg, flags })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.str(NFTA_LOOKUP_SET, &self.set).reg(NFTA_LOOKUP_SREG, self.sreg).opt_reg(NFTA_LOOKUP_DREG, self.dreg);
        b.opt_be32(NFTA_LOOKUP_SET_ID, self.set_id).be32(NFTA_LOOKUP_FLAGS, self.flags.bits());
    }
}
