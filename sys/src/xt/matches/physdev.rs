//! `-m physdev` (include/uapi/linux/netfilter/xt_physdev.h).

use serde::Serialize;

use crate::TextRef;
use crate::xt::wire::read;

/// Ports of a bridge (`struct xt_physdev_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Physdev<'a> {
    /// The port it came in by, or how its name begins.
    pub input: TextRef<'a>,
    /// The bytes of that name looked at.
    pub input_mask: [u8; 16],
    /// The port it goes out by, or how its name begins.
    pub output: TextRef<'a>,
    /// The bytes of that name looked at.
    pub output_mask: [u8; 16],
    /// `XT_PHYSDEV_OP_*`: what is looked at.
    pub matched: u8,
    /// The same bits: what is inverted.
    pub invert: u8,
}

impl<'a> Physdev<'a> {
    /// `XT_PHYSDEV_OP_IN`
    pub const IN: u8 = 0x01;
    /// `XT_PHYSDEV_OP_OUT`
    pub const OUT: u8 = 0x02;
    /// `XT_PHYSDEV_OP_BRIDGED`: it is bridged, not routed.
    pub const BRIDGED: u8 = 0x04;
    /// `XT_PHYSDEV_OP_ISIN`: it came in by a bridge.
    pub const IS_IN: u8 = 0x08;
    /// `XT_PHYSDEV_OP_ISOUT`: it goes out by a bridge.
    pub const IS_OUT: u8 = 0x10;

    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        if revision != 0 {
            return None;
        }
        let [invert, matched]: [u8; 2] = read(data.get(64..)?)?;
        Some(Self {
            input: TextRef::from_c(data.get(..16)?),
            input_mask: read(data.get(16..)?)?,
            output: TextRef::from_c(data.get(32..48)?),
            output_mask: read(data.get(48..)?)?,
            matched,
            invert,
        })
    }
}
