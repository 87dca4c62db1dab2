//! `osf`: guesses the sender's operating system from its SYN.

use bitflags::bitflags;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_OSF_F_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct OsfFlags: u32 {
        /// The version too, not only the name.
        const VERSION = NFT_OSF_F_VERSION;
        const _ = !0;
    }
}

/// `osf` (`NFTA_OSF_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Osf {
    /// To where (16 bytes).
    pub dreg: Reg,
    /// How the TTL counts: 0 as a fingerprint of a local network, 1 loosely, 2 not at all.
    pub ttl: u8,
    /// Its flags.
    pub flags: OsfFlags,
}

impl Osf {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut dreg, mut ttl, mut flags) = (None, 0, OsfFlags::empty());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_OSF_DREG => dreg = Some(a.reg()?),
                NFTA_OSF_TTL => ttl = a.u8()?,
                NFTA_OSF_FLAGS => flags = OsfFlags::from_bits_retain(a.be32()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self { dreg: dreg.required("NFTA_OSF_DREG")?, ttl, flags })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_OSF_DREG, self.dreg).u8(NFTA_OSF_TTL, self.ttl);
        if !self.flags.is_empty() {
            b.be32(NFTA_OSF_FLAGS, self.flags.bits());
        }
    }
}
