//! `socket`: the socket that the packet is for.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_SOCKET_*`, in nft's words.
    pub enum SocketKey(u32) {
        /// Is it transparent? (u8)
        Transparent = NFT_SOCKET_TRANSPARENT => "transparent",
        /// Its mark (u32, host order).
        Mark = NFT_SOCKET_MARK => "mark",
        /// Is it bound to any address? (u8)
        Wildcard = NFT_SOCKET_WILDCARD => "wildcard",
        /// Id of its control group at a level (u64, host order).
        Cgroupv2 = NFT_SOCKET_CGROUPV2 => "cgroupv2",
    }
}

/// `socket` (`NFTA_SOCKET_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Socket {
    /// What.
    pub key: SocketKey,
    /// The level of the control group, 1 the highest.
    pub level: Option<u32>,
    /// To where.
    pub dreg: Reg,
}

impl Socket {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut key, mut level, mut dreg) = (None, None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_SOCKET_KEY => key = Some(a.be32()?.into()),
                NFTA_SOCKET_DREG => dreg = Some(a.reg()?),
                NFTA_SOCKET_LEVEL => level = Some(a.be32()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self { key: key.required("NFTA_SOCKET_KEY")?, level, dreg: dreg.required("NFTA_SOCKET_DREG")? })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_SOCKET_KEY, self.key.code()).reg(NFTA_SOCKET_DREG, self.dreg);
        b.opt_be32(NFTA_SOCKET_LEVEL, self.level);
    }
}
