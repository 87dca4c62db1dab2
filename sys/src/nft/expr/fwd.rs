//! `fwd`: sends the packet out of another device.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::family::Family;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

/// `fwd` (`NFTA_FWD_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fwd {
    /// Out of which device.
    pub dev: Reg,
    /// To which neighbour.
    pub addr: Option<Reg>,
    /// The family of that neighbour's address.
    pub nfproto: Option<Family>,
}

impl Fwd {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut dev, mut addr, mut nfproto) = (None, None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_FWD_SREG_DEV => dev = Some(a.reg()?),
                NFTA_FWD_SREG_ADDR => addr = Some(a.reg()?),
                NFTA_FWD_NFPROTO => nfproto = Some(a.be32_as_u8()?.into()),
                _ => f.pass_over(),
            }
        }
        Ok(Self { dev: dev.required("NFTA_FWD_SREG_DEV")?, addr, nfproto })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_FWD_SREG_DEV, self.dev).opt_reg(NFTA_FWD_SREG_ADDR, self.addr);
        b.opt_be32(NFTA_FWD_NFPROTO, self.nfproto.map(|f| f.code().into()));
    }
}
