//! `-m sctp` (include/uapi/linux/netfilter/xt_sctp.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Ports and chunks of an SCTP packet (`struct xt_sctp_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sctp {
    /// Destination ports, both ends included, host order.
    pub destination: [u16; 2],
    /// Source ports, both ends included, host order.
    pub source: [u16; 2],
    /// Bit n: chunk type n.
    pub chunks: [u32; 8],
    /// Are bits set in the map behind the last type? With `ALL` the kernel waits for them in vain, and never matches.
    pub beyond: bool,
    /// `SCTP_CHUNK_MATCH_*`.
    pub chunk_mode: u32,
    /// Flags that chunks of a type must have; `chunk_flags_count` of them.
    pub chunk_flags: [ChunkFlags; 4],
    /// How many of `chunk_flags` there are.
    pub chunk_flags_count: i32,
    /// `XT_SCTP_*`: what is looked at.
    pub flags: u32,
    /// The same bits: what is inverted.
    pub invert: u32,
}

/// Flags of a chunk (`struct xt_sctp_flag_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ChunkFlags {
    /// The type of the chunk.
    pub chunk: u8,
    /// The flags that must be set of those in the mask.
    pub flags: u8,
    /// The flags looked at.
    pub mask: u8,
}

impl Sctp {
    /// `XT_SCTP_SRC_PORTS`
    pub const SOURCE: u32 = 0x01;
    /// `XT_SCTP_DEST_PORTS`
    pub const DESTINATION: u32 = 0x02;
    /// `XT_SCTP_CHUNK_TYPES`
    pub const CHUNKS: u32 = 0x04;
    /// `SCTP_CHUNK_MATCH_ANY`: one of the types is there.
    pub const ANY: u32 = 0x01;
    /// `SCTP_CHUNK_MATCH_ALL`: all of the types are there.
    pub const ALL: u32 = 0x02;
    /// `SCTP_CHUNK_MATCH_ONLY`: no other types are there.
    pub const ONLY: u32 = 0x04;

    /// Is that chunk type asked for?
    pub fn has_chunk(&self, kind: u8) -> bool {
        self.chunks.get(usize::from(kind / 32)).is_some_and(|word| word & 1 << (kind % 32) != 0)
    }

    /// The flags that chunks of certain types must have.
    pub fn flags_of_chunks(&self) -> &[ChunkFlags] {
        let count = usize::try_from(self.chunk_flags_count).unwrap_or(0);
        self.chunk_flags.get(..count).unwrap_or(&self.chunk_flags)
    }

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Info {
            dpts: [u16; 2],
            spts: [u16; 2],
            // 256 / sizeof(__u32) words, as if the map had a byte for each type: eight of them have the bits.
            chunks: [u32; 8],
            beyond: [[u32; 8]; 7],
            chunk_match_type: u32,
            flag_info: [ChunkFlags; 4],
            flag_count: i32,
            flags: u32,
            invflags: u32,
        }
        if revision != 0 {
            return None;
        }
        let raw: Info = read(data)?;
        let Info { chunks, beyond, .. } = raw;
        Some(Self {
            destination: raw.dpts,
            source: raw.spts,
            chunks,
            beyond: beyond != [[0; 8]; 7],
            chunk_mode: raw.chunk_match_type,
            chunk_flags: raw.flag_info,
            chunk_flags_count: raw.flag_count,
            flags: raw.flags,
            invert: raw.invflags,
        })
    }
}
