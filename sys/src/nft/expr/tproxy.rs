//! `tproxy`: hands the packet to a local socket without rewriting it.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::family::Family;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

/// `tproxy` (`NFTA_TPROXY_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tproxy {
    /// The family it applies to; [`Family::Unspec`] for both.
    pub family: Family,
    /// The address of the socket.
    pub addr: Option<Reg>,
    /// Its port.
    pub port: Option<Reg>,
}

impl Tproxy {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut family, mut addr, mut port) = (None, None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_TPROXY_FAMILY => family = Some(a.be32_as_u8()?.into()),
                NFTA_TPROXY_REG_ADDR => addr = Some(a.reg()?),
                NFTA_TPROXY_REG_PORT => port = Some(a.reg()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self { family: family.required("NFTA_TPROXY_FAMILY")?, addr, port })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_TPROXY_FAMILY, self.family.code().into());
        b.opt_reg(NFTA_TPROXY_REG_ADDR, self.addr).opt_reg(NFTA_TPROXY_REG_PORT, self.port);
    }
}
