//! `counter`: counts packets and bytes.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

/// `counter` (`NFTA_COUNTER_*`), in a rule, an element, an object or a base chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counter {
    /// Packets so far.
    pub packets: u64,
    /// Bytes so far.
    pub bytes: u64,
}

impl Counter {
    pub(in crate::nft) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut packets, mut bytes) = (None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_COUNTER_BYTES => bytes = Some(a.be64()?),
                NFTA_COUNTER_PACKETS => packets = Some(a.be64()?),
                NFTA_COUNTER_PAD => {}
                _ => f.pass_over(),
            }
        }
        Ok(Self { packets: packets.required("NFTA_COUNTER_PACKETS")?, bytes: bytes.required("NFTA_COUNTER_BYTES")? })
    }

    pub(in crate::nft) fn write(&self, b: &mut Builder) {
        b.be64(NFTA_COUNTER_BYTES, self.bytes).be64(NFTA_COUNTER_PACKETS, self.packets);
    }
}
