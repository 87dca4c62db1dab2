//! Connections that another one announced.

use byteorder::BE;
use serde::Serialize;

use super::tuple::{L4, Tuple};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::Attrs;
use crate::uapi::nfnetlink_conntrack::*;

/// An expectation (`CTA_EXPECT_*`): a packet that looks like `tuple` under `mask` begins a related connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// The connection that announced it, in its original direction.
    pub master: Tuple,
    /// What is expected.
    pub tuple: Tuple,
    /// Which bits of it count; of the destination all do.
    pub mask: Tuple,
    /// Seconds until it is forgotten.
    pub timeout: Option<u32>,
    /// The kernel's handle for it.
    pub id: Option<u32>,
    /// The helper that announced it.
    pub helper: Option<Text>,
    /// The zone; absent means 0.
    pub zone: Option<u16>,
    /// `NF_CT_EXPECT_*`.
    pub flags: Option<u32>,
    /// The class, in the helper's own numbering.
    pub class: Option<u32>,
}

impl Expectation {
    /// Reads the attributes behind the `nfgenmsg`.
    pub fn parse(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        let tuple = |kind, name| match attrs.find(kind) {
            Some(a) => Tuple::parse(&a),
            None => Err(Malformed::Missing(name)),
        };
        let number = |kind| attrs.find(kind).map(|a| a.u32::<BE>()).transpose();
        Ok(Self {
            master: tuple(CTA_EXPECT_MASTER, "CTA_EXPECT_MASTER")?,
            tuple: tuple(CTA_EXPECT_TUPLE, "CTA_EXPECT_TUPLE")?,
            mask: tuple(CTA_EXPECT_MASK, "CTA_EXPECT_MASK")?,
            timeout: number(CTA_EXPECT_TIMEOUT)?,
            id: number(CTA_EXPECT_ID)?,
            helper: attrs.find(CTA_EXPECT_HELP_NAME).map(|a| a.text()),
            zone: attrs.find(CTA_EXPECT_ZONE).map(|a| a.u16::<BE>()).transpose()?,
            flags: number(CTA_EXPECT_FLAGS)?,
            class: number(CTA_EXPECT_CLASS)?,
        })
    }

    /// Is a packet with this tuple the one that is expected (`nf_ct_tuple_mask_cmp`)?
    pub fn expects(&self, t: &Tuple) -> bool {
        let masked = |a: u16, b: u16, mask: u16| (a ^ b) & mask == 0;
        let source = match (self.tuple.l4, t.l4, self.mask.l4) {
            (L4::Ports { src, dst }, L4::Ports { src: s, dst: d }, L4::Ports { src: mask, .. }) => {
                masked(src, s, mask) && dst == d
            }
            (expected, have, _) => expected == have,
        };
        self.tuple.protocol == t.protocol
            && self.tuple.dst == t.dst
            && source
            && address_matches(self.tuple.src, t.src, self.mask.src)
    }
}

fn address_matches(a: std::net::IpAddr, b: std::net::IpAddr, mask: std::net::IpAddr) -> bool {
    use std::net::IpAddr::{V4, V6};
    match (a, b, mask) {
        (V4(a), V4(b), V4(m)) => (a.to_bits() ^ b.to_bits()) & m.to_bits() == 0,
        (V6(a), V6(b), V6(m)) => (a.to_bits() ^ b.to_bits()) & m.to_bits() == 0,
        _ => false,
    }
}
