//! `connlimit`: the rule goes on while there are few enough connections, or once there are more.

use bitflags::bitflags;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_CONNLIMIT_F_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct ConnlimitFlags: u32 {
        /// `over`: the rule goes on once there are more.
        const INV = NFT_CONNLIMIT_F_INV;
        const _ = !0;
    }
}

/// `connlimit` (`NFTA_CONNLIMIT_*`), in a rule, an element or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Connlimit {
    /// How many connections.
    pub count: u32,
    /// Its flags.
    pub flags: ConnlimitFlags,
}

impl Connlimit {
    pub(in crate::nft) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut count, mut flags) = (None, ConnlimitFlags::empty());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_CONNLIMIT_COUNT => count = Some(a.be32()?),
                NFTA_CONNLIMIT_FLAGS => flags = ConnlimitFlags::from_bits_retain(a.be32()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self { count: count.required("NFTA_CONNLIMIT_COUNT")?, flags })
    }

    pub(in crate::nft) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_CONNLIMIT_COUNT, self.count).be32(NFTA_CONNLIMIT_FLAGS, self.flags.bits());
    }
}
