//! `synproxy`: answers SYN on a server's behalf.

use bitflags::bitflags;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NF_SYNPROXY_OPT_*` (include/uapi/linux/netfilter/nf_synproxy.h): the TCP options that the server understands.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct SynproxyFlags: u32 {
        /// Maximum segment size.
        const MSS = 0x01;
        /// Window scale.
        const WSCALE = 0x02;
        /// Selective acknowledgement.
        const SACK_PERM = 0x04;
        /// Timestamps.
        const TIMESTAMP = 0x08;
        /// Explicit congestion notification.
        const ECN = 0x10;
        const _ = !0;
    }
}

/// `synproxy` (`NFTA_SYNPROXY_*`), in a rule or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Synproxy {
    /// The server's maximum segment size.
    pub mss: u16,
    /// The server's window scale.
    pub wscale: u8,
    /// Its flags.
    pub flags: SynproxyFlags,
}

impl Synproxy {
    pub(in crate::nft) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut mss, mut wscale, mut flags) = (0, 0, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_SYNPROXY_MSS => mss = a.be16()?,
                NFTA_SYNPROXY_WSCALE => wscale = a.u8()?,
                NFTA_SYNPROXY_FLAGS => flags = Some(SynproxyFlags::from_bits_retain(a.be32()?)),
                _ => f.pass_over(),
            }
        }
        Ok(Self { mss, wscale, flags: flags.required("NFTA_SYNPROXY_FLAGS")? })
    }

    pub(in crate::nft) fn write(&self, b: &mut Builder) {
        b.be16(NFTA_SYNPROXY_MSS, self.mss).u8(NFTA_SYNPROXY_WSCALE, self.wscale);
        b.be32(NFTA_SYNPROXY_FLAGS, self.flags.bits());
    }
}
