//! `-m string` (include/uapi/linux/netfilter/xt_string.h).

use serde::Serialize;

use crate::TextRef;
use crate::xt::Bytes;
use crate::xt::wire::read;

/// Bytes somewhere in the packet (`struct xt_string_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StringMatch<'a> {
    /// The first place to look at, in bytes from the network header.
    pub from: u16,
    /// The last place to look at.
    pub to: u16,
    /// The algorithm: `bm` or `kmp`.
    pub algorithm: TextRef<'a>,
    /// The bytes looked for.
    pub pattern: Bytes<'a>,
    /// `XT_STRING_FLAG_*`.
    pub flags: u8,
}

impl<'a> StringMatch<'a> {
    /// `XT_STRING_FLAG_INVERT`
    pub const INVERT: u8 = 0x01;
    /// `XT_STRING_FLAG_IGNORECASE`
    pub const IGNORE_CASE: u8 = 0x02;

    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        const PATTERN: std::ops::Range<usize> = 20..148;
        let [from, to]: [u16; 2] = read(data)?;
        let [length, flags]: [u8; 2] = read(data.get(PATTERN.end..)?)?;
        let flags = match revision {
            0 => u8::from(flags != 0),
            1 => flags,
            _ => return None,
        };
        let pattern = data.get(PATTERN)?.get(..length.into())?;
        Some(Self { from, to, algorithm: TextRef::from_c(data.get(4..20)?), pattern: Bytes(pattern), flags })
    }
}
