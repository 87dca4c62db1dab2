//! `masq`: source NAT to the address of the device that the packet leaves by.

use serde::Serialize;

use super::nat::NatFlags;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put};
use crate::uapi::nf_tables::*;

/// `masq` (`NFTA_MASQ_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Masq {
    /// The first port.
    pub proto_min: Option<Reg>,
    /// The last port.
    pub proto_max: Option<Reg>,
    /// Its flags.
    pub flags: NatFlags,
}

impl Masq {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut proto_min, mut proto_max, mut flags) = (None, None, NatFlags::empty());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_MASQ_FLAGS => flags = NatFlags::from_bits_retain(a.be32()?),
                NFTA_MASQ_REG_PROTO_MIN => proto_min = Some(a.reg()?),
                NFTA_MASQ_REG_PROTO_MAX => proto_max = Some(a.reg()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self { proto_min, proto_max, flags })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.opt_reg(NFTA_MASQ_REG_PROTO_MIN, self.proto_min).opt_reg(NFTA_MASQ_REG_PROTO_MAX, self.proto_max);
        if !self.flags.is_empty() {
            b.be32(NFTA_MASQ_FLAGS, self.flags.bits());
        }
    }
}
