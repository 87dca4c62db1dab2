//! `rt`: the packet's route.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_RT_*`, in nft's words.
    pub enum RtKey(u32) {
        /// Realm (u32, host order).
        Classid = NFT_RT_CLASSID => "classid",
        /// IPv4 next hop.
        Nexthop4 = NFT_RT_NEXTHOP4 => "ip nexthop",
        /// IPv6 next hop.
        Nexthop6 = NFT_RT_NEXTHOP6 => "ip6 nexthop",
        /// Largest TCP segment that fits (u16, host order).
        Tcpmss = NFT_RT_TCPMSS => "mtu",
        /// Does it lead through IPsec? (u8)
        Xfrm = NFT_RT_XFRM => "ipsec",
    }
}

/// `rt` (`NFTA_RT_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rt {
    /// What.
    pub key: RtKey,
    /// To where.
    pub dreg: Reg,
}

impl Rt {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut key, mut dreg) = (None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_RT_DREG => dreg = Some(a.reg()?),
                NFTA_RT_KEY => key = Some(a.be32()?.into()),
                _ => f.pass_over(),
            }
        }
        Ok(Self { key: key.required("NFTA_RT_KEY")?, dreg: dreg.required("NFTA_RT_DREG")? })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_RT_KEY, self.key.code()).reg(NFTA_RT_DREG, self.dreg);
    }
}
