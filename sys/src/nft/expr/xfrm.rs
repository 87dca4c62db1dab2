//! `xfrm`: the IPsec transformation that the packet went through, or will.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_XFRM_KEY_*`, in nft's words.
    pub enum XfrmKey(u32) {
        /// IPv4 destination of the tunnel.
        DaddrIp4 = NFT_XFRM_KEY_DADDR_IP4 => "ip daddr",
        /// IPv6 destination of the tunnel.
        DaddrIp6 = NFT_XFRM_KEY_DADDR_IP6 => "ip6 daddr",
        /// IPv4 source of the tunnel.
        SaddrIp4 = NFT_XFRM_KEY_SADDR_IP4 => "ip saddr",
        /// IPv6 source of the tunnel.
        SaddrIp6 = NFT_XFRM_KEY_SADDR_IP6 => "ip6 saddr",
        /// Request id (u32, host order).
        Reqid = NFT_XFRM_KEY_REQID => "reqid",
        /// Security parameter index (u32, network order).
        Spi = NFT_XFRM_KEY_SPI => "spi",
    }
}

wire_enum! {
    /// `XFRM_POLICY_IN`, `XFRM_POLICY_OUT`.
    pub enum XfrmDirection(u8) {
        /// It went through.
        In = 0 => "in",
        /// It will go through.
        Out = 1 => "out",
    }
}

/// `xfrm` (`NFTA_XFRM_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Xfrm {
    /// What.
    pub key: XfrmKey,
    /// Which way.
    pub direction: XfrmDirection,
    /// Which transformation, where there are several.
    pub spnum: u32,
    /// To where.
    pub dreg: Reg,
}

impl Xfrm {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut key, mut direction, mut spnum, mut dreg) = (None, None, 0, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_XFRM_DREG => dreg = Some(a.reg()?),
                NFTA_XFRM_KEY => key = Some(a.be32()?.into()),
                NFTA_XFRM_DIR => direction = Some(a.u8()?.into()),
                NFTA_XFRM_SPNUM => spnum = a.be32()?,
                _ => f.pass_over(),
            }
        }
        Ok(Self {
            key: key.required("NFTA_XFRM_KEY")?,
            direction: direction.required("NFTA_XFRM_DIR")?,
            spnum,
            dreg: dreg.required("NFTA_XFRM_DREG")?,
        })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_XFRM_KEY, self.key.code()).u8(NFTA_XFRM_DIR, self.direction.code());
        b.be32(NFTA_XFRM_SPNUM, self.spnum).reg(NFTA_XFRM_DREG, self.dreg);
    }
}
