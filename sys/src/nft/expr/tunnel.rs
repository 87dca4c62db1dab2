//! `tunnel`: the packet's tunnel metadata.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_TUNNEL_*`, in nft's words.
    pub enum TunnelKey(u32) {
        /// Is there any? (u8)
        Path = NFT_TUNNEL_PATH => "path",
        /// The tunnel id (u32, host order).
        Id = NFT_TUNNEL_ID => "id",
    }
}

wire_enum! {
    /// Which metadata count (`NFT_TUNNEL_MODE_*`).
    pub enum TunnelMode(u32) {
        /// Any.
        None = NFT_TUNNEL_MODE_NONE => "none",
        /// Of a packet that came in.
        Rx = NFT_TUNNEL_MODE_RX => "rx",
        /// Of a packet that goes out.
        Tx = NFT_TUNNEL_MODE_TX => "tx",
    }
}

/// `tunnel` (`NFTA_TUNNEL_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tunnel {
    /// What.
    pub key: TunnelKey,
    /// Which metadata count.
    pub mode: TunnelMode,
    /// To where.
    pub dreg: Reg,
}

impl Tunnel {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut key, mut mode, mut dreg) = (None, TunnelMode::None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_TUNNEL_KEY => key = Some(a.be32()?.into()),
                NFTA_TUNNEL_DREG => dreg = Some(a.reg()?),
                NFTA_TUNNEL_MODE => mode = a.be32()?.into(),
                _ => f.pass_over(),
            }
        }
        Ok(Self { key: key.required("NFTA_TUNNEL_KEY")?, mode, dreg: dreg.required("NFTA_TUNNEL_DREG")? })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_TUNNEL_KEY, self.key.code()).reg(NFTA_TUNNEL_DREG, self.dreg);
        b.be32(NFTA_TUNNEL_MODE, self.mode.code());
    }
}
