//! `-m policy` (include/uapi/linux/netfilter/xt_policy.h).

use std::net::IpAddr;

use serde::{Serialize, Serializer};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::Family;
use crate::xt::wire::{address, read};

/// The IPsec policy of a packet (`struct xt_policy_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Policy<'a> {
    /// `XT_POLICY_MATCH_*`.
    pub flags: u16,
    /// The transformations: any of them, or with `STRICT` all in this order.
    pub elements: PolicyElements<'a>,
}

/// The elements of a [`Policy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyElements<'a> {
    family: Family,
    bytes: &'a [u8],
}

/// One transformation (`struct xt_policy_elem`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PolicyElement {
    /// Source of the tunnel and the bits of it looked at.
    pub source: (IpAddr, IpAddr),
    /// Destination of the tunnel and the bits of it looked at.
    pub destination: (IpAddr, IpAddr),
    /// Security parameter index, as the tool stored it.
    pub spi: u32,
    /// Request id.
    pub reqid: u32,
    /// Protocol: esp, ah or ipcomp.
    pub proto: u8,
    /// `XT_POLICY_MODE_*`.
    pub mode: u8,
    /// Which of these are looked at: `SOURCE` and so on.
    pub matched: u8,
    /// The same bits: which are inverted.
    pub invert: u8,
}

impl PolicyElement {
    /// `saddr` of `struct xt_policy_spec`
    pub const SOURCE: u8 = if cfg!(target_endian = "little") { 1 << 0 } else { 1 << 7 };
    /// `daddr`
    pub const DESTINATION: u8 = if cfg!(target_endian = "little") { 1 << 1 } else { 1 << 6 };
    /// `proto`
    pub const PROTO: u8 = if cfg!(target_endian = "little") { 1 << 2 } else { 1 << 5 };
    /// `mode`
    pub const MODE: u8 = if cfg!(target_endian = "little") { 1 << 3 } else { 1 << 4 };
    /// `spi`
    pub const SPI: u8 = if cfg!(target_endian = "little") { 1 << 4 } else { 1 << 3 };
    /// `reqid`
    pub const REQID: u8 = if cfg!(target_endian = "little") { 1 << 5 } else { 1 << 2 };
    /// `XT_POLICY_MODE_TRANSPORT`
    pub const TRANSPORT: u8 = 0;
    /// `XT_POLICY_MODE_TUNNEL`
    pub const TUNNEL: u8 = 1;

    fn parse(family: Family, bytes: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Raw {
            addresses: [[u8; 16]; 4],
            spi: u32,
            reqid: u32,
            proto: u8,
            mode: u8,
            matched: u8,
            invert: u8,
        }
        const _: () = assert!(size_of::<Raw>() == SIZE);
        let raw: Raw = read(bytes)?;
        let [source, source_mask, destination, destination_mask] = raw.addresses.map(|a| address(family, &a));
        Some(Self {
            source: (source?, source_mask?),
            destination: (destination?, destination_mask?),
            spi: raw.spi,
            reqid: raw.reqid,
            proto: raw.proto,
            mode: raw.mode,
            matched: raw.matched,
            invert: raw.invert,
        })
    }
}

const SIZE: usize = 76;
const MOST: usize = 4;

impl<'a> PolicyElements<'a> {
    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = PolicyElement> + use<'a> {
        let family = self.family;
        self.bytes.chunks_exact(SIZE).filter_map(move |bytes| PolicyElement::parse(family, bytes))
    }
}

impl Serialize for PolicyElements<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl<'a> Policy<'a> {
    /// `XT_POLICY_MATCH_IN`: of a packet that was decapsulated.
    pub const IN: u16 = 0x1;
    /// `XT_POLICY_MATCH_OUT`: of a packet that will be encapsulated.
    pub const OUT: u16 = 0x2;
    /// `XT_POLICY_MATCH_NONE`: no policy.
    pub const NONE: u16 = 0x4;
    /// `XT_POLICY_MATCH_STRICT`: all elements, no others.
    pub const STRICT: u16 = 0x8;

    pub(super) fn decode(family: Family, revision: u8, data: &'a [u8]) -> Option<Self> {
        if revision != 0 || !matches!(family, Family::Ip | Family::Ip6) {
            return None;
        }
        let [flags, count]: [u16; 2] = read(data.get(MOST * SIZE..)?)?;
        let bytes = data.get(..usize::from(count).min(MOST) * SIZE)?;
        Some(Self { flags, elements: PolicyElements { family, bytes } })
    }
}
