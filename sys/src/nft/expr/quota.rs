//! `quota`: the rule goes on until so many bytes have passed, or afterwards.

use bitflags::bitflags;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_QUOTA_F_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct QuotaFlags: u32 {
        /// `over`: the rule goes on afterwards.
        const INV = NFT_QUOTA_F_INV;
        /// The quota is used up.
        const DEPLETED = NFT_QUOTA_F_DEPLETED;
        const _ = !0;
    }
}

/// `quota` (`NFTA_QUOTA_*`), in a rule, an element or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// How many bytes.
    pub bytes: u64,
    /// How many of them have passed.
    pub consumed: u64,
    /// Its flags.
    pub flags: QuotaFlags,
}

impl Quota {
    pub(in crate::nft) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut bytes, mut consumed, mut flags) = (None, 0, QuotaFlags::empty());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_QUOTA_BYTES => bytes = Some(a.be64()?),
                NFTA_QUOTA_FLAGS => flags = QuotaFlags::from_bits_retain(a.be32()?),
                NFTA_QUOTA_CONSUMED => consumed = a.be64()?,
                NFTA_QUOTA_PAD => {}
                _ => f.pass_over(),
            }
        }
        Ok(Self { bytes: bytes.required("NFTA_QUOTA_BYTES")?, consumed, flags })
    }

    pub(in crate::nft) fn write(&self, b: &mut Builder) {
        b.be64(NFTA_QUOTA_BYTES, self.bytes).be64(NFTA_QUOTA_CONSUMED, self.consumed);
        // Whether it is used up follows from the rest, and the kernel refuses to be told.
        b.be32(NFTA_QUOTA_FLAGS, (self.flags - QuotaFlags::DEPLETED).bits());
    }
}
