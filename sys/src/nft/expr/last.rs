//! `last`: remembers when a packet last came by.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put};
use crate::uapi::nf_tables::*;

/// `last` (`NFTA_LAST_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Last {
    /// Milliseconds since the last packet; nothing when there was none yet.
    pub msecs: Option<u64>,
}

impl Last {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut set, mut msecs) = (false, 0);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_LAST_SET => set = a.be32()? != 0,
                NFTA_LAST_MSECS => msecs = a.be64()?,
                NFTA_LAST_PAD => {}
                _ => f.pass_over(),
            }
        }
        Ok(Self { msecs: set.then_some(msecs) })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        if let Some(msecs) = self.msecs {
            b.be32(NFTA_LAST_SET, 1).be64(NFTA_LAST_MSECS, msecs);
        }
    }
}
