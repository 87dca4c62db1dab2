//! `nat`: rewrites source or destination of a connection.

use bitflags::bitflags;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::family::Family;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// Which side (`NFT_NAT_*`).
    pub enum NatKind(u32) {
        /// Source.
        Snat = NFT_NAT_SNAT => "snat",
        /// Destination.
        Dnat = NFT_NAT_DNAT => "dnat",
    }
}

bitflags! {
    /// `NF_NAT_RANGE_*` (include/uapi/linux/netfilter/nf_nat.h).
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct NatFlags: u32 {
        /// The addresses are given.
        const MAP_IPS = 1 << 0;
        /// The ports are given.
        const PROTO_SPECIFIED = 1 << 1;
        /// `random`
        const PROTO_RANDOM = 1 << 2;
        /// `persistent`
        const PERSISTENT = 1 << 3;
        /// `fully-random`
        const PROTO_RANDOM_FULLY = 1 << 4;
        /// Ports are shifted by a base.
        const PROTO_OFFSET = 1 << 5;
        /// Only the prefix is rewritten.
        const NETMAP = 1 << 6;
        const _ = !0;
    }
}

/// `nat` (`NFTA_NAT_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Nat {
    /// Which side.
    pub kind: NatKind,
    /// The family of the addresses.
    pub family: Family,
    /// The first address.
    pub addr_min: Option<Reg>,
    /// The last address.
    pub addr_max: Option<Reg>,
    /// The first port.
    pub proto_min: Option<Reg>,
    /// The last port.
    pub proto_max: Option<Reg>,
    /// Its flags.
    pub flags: NatFlags,
}

impl Nat {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut kind, mut family) = (None, None);
        let (mut addr_min, mut addr_max, mut proto_min, mut proto_max) = (None, None, None, None);
        let mut flags = NatFlags::empty();
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_NAT_TYPE => kind = Some(a.be32()?.into()),
                NFTA_NAT_FAMILY => family = Some(a.be32_as_u8()?.into()),
                NFTA_NAT_REG_ADDR_MIN => addr_min = Some(a.reg()?),
                NFTA_NAT_REG_ADDR_MAX => addr_max = Some(a.reg()?),
                NFTA_NAT_REG_PROTO_MIN => proto_min = Some(a.reg()?),
                NFTA_NAT_REG_PROTO_MAX => proto_max = Some(a.reg()?),
                NFTA_NAT_FLAGS => flags = NatFlags::from_bits_retain(a.be32()?),
                _ => f.pass_over(),
            }
        }
        let (kind, family) = (kind.required("NFTA_NAT_TYPE")?, family.required("NFTA_NAT_FAMILY")?);
        Ok(Self { kind, family, addr_min, addr_max, proto_min, proto_max, flags })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_NAT_TYPE, self.kind.code()).be32(NFTA_NAT_FAMILY, self.family.code().into());
        b.opt_reg(NFTA_NAT_REG_ADDR_MIN, self.addr_min).opt_reg(NFTA_NAT_REG_ADDR_MAX, self.addr_max);
        b.opt_reg(NFTA_NAT_REG_PROTO_MIN, self.proto_min).opt_reg(NFTA_NAT_REG_PROTO_MAX, self.proto_max);
        if !self.flags.is_empty() {
            b.be32(NFTA_NAT_FLAGS, self.flags.bits());
        }
    }
}
