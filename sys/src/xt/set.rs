//! References to ipsets (include/uapi/linux/netfilter/xt_set.h).

use serde::Serialize;

use super::wire::read;

/// Which set, and which parts of the packet are looked up in it (`struct xt_set_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SetReference {
    /// The set's index in the kernel; [`Self::NONE`] has none.
    pub index: u16,
    /// How many parts are looked up.
    pub dimension: u8,
    /// Bit n: part n (from 1) is of the source. Bit 0: inverted (`IPSET_INV_MATCH`); bit 7: return-nomatch.
    pub flags: u8,
}

impl SetReference {
    /// No set (`IPSET_INVALID_ID`).
    pub const NONE: Self = Self { index: u16::MAX, dimension: 0, flags: 0 };
    /// The size of `struct xt_set_info_v0`.
    pub const SIZE_V0: usize = 32;

    /// Is there a set?
    pub fn is_some(&self) -> bool {
        self.index != u16::MAX
    }

    /// For each part: is it taken from the source?
    pub fn sources(&self) -> impl Iterator<Item = bool> {
        let flags = self.flags;
        (1..=self.dimension).map(move |n| flags.checked_shr(u32::from(n)).is_some_and(|f| f & 1 != 0))
    }

    /// `struct xt_set_info` at the front of `data`.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let [dimension, flags] = *data.get(2..)?.first_chunk()?;
        Some(Self { index: read(data)?, dimension, flags })
    }

    /// `struct xt_set_info_v0` at the front of `data`: a word of flags for each part, 1 source, 2 destination, 4 inverted.
    pub(super) fn parse_v0(data: &[u8]) -> Option<Self> {
        const SOURCE: u32 = 0x01;
        const INVERTED: u32 = 0x04;
        let words: [u32; 6] = read(data.get(4..)?)?;
        let mut this = Self { index: read(data)?, ..Self::NONE };
        this.dimension = 0;
        for word in words.into_iter().take_while(|&w| w != 0) {
            this.dimension += 1;
            this.flags |= u8::from(word & SOURCE != 0) << this.dimension;
            this.flags |= u8::from(word & INVERTED != 0);
        }
        Some(this)
    }
}
