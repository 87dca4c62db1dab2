//! `-m addrtype` (include/uapi/linux/netfilter/xt_addrtype.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Kinds of addresses, as routing sees them (`struct xt_addrtype_info_v1` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Addrtype {
    /// Bit n: the source may be of `RTN_*` type n; 0 for any.
    pub source: u16,
    /// The same for the destination.
    pub destination: u16,
    /// `XT_ADDRTYPE_*`.
    pub flags: u32,
}

impl Addrtype {
    /// `XT_ADDRTYPE_INVERT_SOURCE`
    pub const INVERT_SOURCE: u32 = 0x1;
    /// `XT_ADDRTYPE_INVERT_DEST`
    pub const INVERT_DESTINATION: u32 = 0x2;
    /// `XT_ADDRTYPE_LIMIT_IFACE_IN`: local to the interface it came in by.
    pub const LIMIT_IN: u32 = 0x4;
    /// `XT_ADDRTYPE_LIMIT_IFACE_OUT`: local to the interface it goes out by.
    pub const LIMIT_OUT: u32 = 0x8;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct V0 {
            source: u16,
            dest: u16,
            invert: [u32; 2],
        }
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct V1 {
            source: u16,
            dest: u16,
            flags: u32,
        }
        match revision {
            0 => read(data).map(|V0 { source, dest, invert: [s, d] }| Self {
                source,
                destination: dest,
                flags: (u32::from(s != 0) * Self::INVERT_SOURCE) | (u32::from(d != 0) * Self::INVERT_DESTINATION),
            }),
            1 => read(data).map(|V1 { source, dest, flags }| Self { source, destination: dest, flags }),
            _ => None,
        }
    }
}
