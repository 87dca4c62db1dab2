//! `limit`: the rule goes on while the rate is not exceeded, or once it is.

use bitflags::bitflags;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// What is limited (`NFT_LIMIT_*`).
    pub enum LimitKind(u32) {
        /// Packets.
        Packets = NFT_LIMIT_PKTS => "packets",
        /// Bytes.
        Bytes = NFT_LIMIT_PKT_BYTES => "bytes",
    }
}

bitflags! {
    /// `NFT_LIMIT_F_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct LimitFlags: u32 {
        /// `over`: the rule goes on once the rate is exceeded.
        const INV = NFT_LIMIT_F_INV;
        const _ = !0;
    }
}

/// `limit` (`NFTA_LIMIT_*`), in a rule, an element or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// How many, in one unit of time.
    pub rate: u64,
    /// The unit of time in seconds: 1, 60, 3600, 86400, 604800.
    pub unit: u64,
    /// How many more at once.
    pub burst: u32,
    /// Packets or bytes.
    pub kind: LimitKind,
    /// Its flags.
    pub flags: LimitFlags,
}

impl Limit {
    pub(in crate::nft) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut rate, mut unit, mut burst) = (None, None, 0);
        let (mut kind, mut flags) = (LimitKind::Packets, LimitFlags::empty());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_LIMIT_RATE => rate = Some(a.be64()?),
                NFTA_LIMIT_UNIT => unit = Some(a.be64()?),
                NFTA_LIMIT_BURST => burst = a.be32()?,
                NFTA_LIMIT_TYPE => kind = a.be32()?.into(),
                NFTA_LIMIT_FLAGS => flags = LimitFlags::from_bits_retain(a.be32()?),
                NFTA_LIMIT_PAD => {}
                _ => f.pass_over(),
            }
        }
        let (rate, unit) = (rate.required("NFTA_LIMIT_RATE")?, unit.required("NFTA_LIMIT_UNIT")?);
        Ok(Self { rate, unit, burst, kind, flags })
    }

    pub(in crate::nft) fn write(&self, b: &mut Builder) {
        b.be64(NFTA_LIMIT_RATE, self.rate).be64(NFTA_LIMIT_UNIT, self.unit).be32(NFTA_LIMIT_BURST, self.burst);
        b.be32(NFTA_LIMIT_TYPE, self.kind.code()).be32(NFTA_LIMIT_FLAGS, self.flags.bits());
    }
}
