//! Objects about connections: helpers, timeouts, expectations.

use byteorder::NativeEndian;
use serde::Serialize;
use smallvec::SmallVec;

use crate::Text;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

/// `ct helper` (`NFTA_CT_HELPER_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CtHelper {
    /// The helper, such as `ftp`.
    pub name: Text,
    /// `NFPROTO_*` of the connections it serves.
    pub l3proto: Option<u16>,
    /// Their transport protocol.
    pub l4proto: u8,
}

impl CtHelper {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut name, mut l3proto, mut l4proto) = (None, None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_CT_HELPER_NAME => name = Some(a.text()),
                NFTA_CT_HELPER_L3PROTO => l3proto = Some(a.be16()?),
                NFTA_CT_HELPER_L4PROTO => l4proto = Some(a.u8()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self {
            name: name.required("NFTA_CT_HELPER_NAME")?,
            l3proto,
            l4proto: l4proto.required("NFTA_CT_HELPER_L4PROTO")?,
        })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.str(NFTA_CT_HELPER_NAME, &self.name).opt_be16(NFTA_CT_HELPER_L3PROTO, self.l3proto);
        b.u8(NFTA_CT_HELPER_L4PROTO, self.l4proto);
    }
}

/// `ct timeout` (`NFTA_CT_TIMEOUT_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CtTimeout {
    /// `NFPROTO_*` of the connections.
    pub l3proto: u16,
    /// Their transport protocol.
    pub l4proto: u8,
    /// (state, seconds): the states are numbered as in the protocol's `CTA_TIMEOUT_*`
    /// (include/uapi/linux/netfilter/nfnetlink_cttimeout.h).
    pub timeouts: SmallVec<[(u16, u32); 2]>,
}

impl CtTimeout {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut l3proto, mut l4proto, mut timeouts) = (None, None, SmallVec::new());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_CT_TIMEOUT_L3PROTO => l3proto = Some(a.be16()?),
                NFTA_CT_TIMEOUT_L4PROTO => l4proto = Some(a.u8()?),
                NFTA_CT_TIMEOUT_DATA => {
                    for state in a.nested() {
                        let state = state?;
                        timeouts.push((state.kind(), state.be32()?));
                    }
                }
                _ => f.pass_over(),
            }
        }
        Ok(Self {
            l3proto: l3proto.required("NFTA_CT_TIMEOUT_L3PROTO")?,
            l4proto: l4proto.required("NFTA_CT_TIMEOUT_L4PROTO")?,
            timeouts,
        })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.be16(NFTA_CT_TIMEOUT_L3PROTO, self.l3proto).u8(NFTA_CT_TIMEOUT_L4PROTO, self.l4proto);
        b.nest(NFTA_CT_TIMEOUT_DATA, |b| {
            for (state, seconds) in &self.timeouts {
                b.be32(*state, *seconds);
            }
        });
    }
}

/// `ct expectation` (`NFTA_CT_EXPECT_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CtExpectation {
    /// `NFPROTO_*` of the connection that is expected.
    pub l3proto: Option<u16>,
    /// Its transport protocol.
    pub l4proto: u8,
    /// Its destination port.
    pub dport: u16,
    /// How long it is expected, in milliseconds.
    pub timeout: u32,
    /// How many may be expected at once.
    pub size: u8,
}

impl CtExpectation {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut l3proto, mut l4proto, mut dport, mut timeout, mut size) = (None, None, None, None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_CT_EXPECT_L3PROTO => l3proto = Some(a.be16()?),
                NFTA_CT_EXPECT_L4PROTO => l4proto = Some(a.u8()?),
                NFTA_CT_EXPECT_DPORT => dport = Some(a.be16()?),
                NFTA_CT_EXPECT_TIMEOUT => timeout = Some(a.u32::<NativeEndian>()?),
                NFTA_CT_EXPECT_SIZE => size = Some(a.u8()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self {
            l3proto,
            l4proto: l4proto.required("NFTA_CT_EXPECT_L4PROTO")?,
            dport: dport.required("NFTA_CT_EXPECT_DPORT")?,
            timeout: timeout.required("NFTA_CT_EXPECT_TIMEOUT")?,
            size: size.required("NFTA_CT_EXPECT_SIZE")?,
        })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.opt_be16(NFTA_CT_EXPECT_L3PROTO, self.l3proto).u8(NFTA_CT_EXPECT_L4PROTO, self.l4proto);
        b.be16(NFTA_CT_EXPECT_DPORT, self.dport).u32::<NativeEndian>(NFTA_CT_EXPECT_TIMEOUT, self.timeout);
        b.u8(NFTA_CT_EXPECT_SIZE, self.size);
    }
}
