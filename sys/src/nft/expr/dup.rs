//! `dup`: sends a copy elsewhere.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put};
use crate::uapi::nf_tables::*;

/// `dup` (`NFTA_DUP_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Dup {
    /// To which address.
    pub addr: Option<Reg>,
    /// Out of which device.
    pub dev: Option<Reg>,
}

impl Dup {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut addr, mut dev) = (None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_DUP_SREG_ADDR => addr = Some(a.reg()?),
                NFTA_DUP_SREG_DEV => dev = Some(a.reg()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self { addr, dev })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.opt_reg(NFTA_DUP_SREG_ADDR, self.addr).opt_reg(NFTA_DUP_SREG_DEV, self.dev);
    }
}
