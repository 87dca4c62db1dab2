//! `-j CONNMARK` (include/uapi/linux/netfilter/xt_connmark.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Moves a mark between packet and connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Connmark {
    /// `XT_CONNMARK_SET`, `_SAVE` or `_RESTORE`.
    pub mode: u8,
    /// SET: the value xored in.
    pub ctmark: u32,
    /// SET: the bits cleared before. SAVE and RESTORE: the connection's bits concerned.
    pub ctmask: u32,
    /// SAVE and RESTORE: the packet's bits concerned.
    pub nfmask: u32,
    /// `D_SHIFT_LEFT` or `D_SHIFT_RIGHT`; revision 1 never shifts.
    pub shift_direction: u8,
    /// Bits to shift by.
    pub shift_bits: u8,
}

impl Connmark {
    /// `XT_CONNMARK_SET`
    pub const SET: u8 = 0;
    /// `XT_CONNMARK_SAVE`
    pub const SAVE: u8 = 1;
    /// `XT_CONNMARK_RESTORE`
    pub const RESTORE: u8 = 2;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Tginfo1 {
            ctmark: u32,
            ctmask: u32,
            nfmask: u32,
            mode: u8,
        }
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Tginfo2 {
            ctmark: u32,
            ctmask: u32,
            nfmask: u32,
            shift_dir: u8,
            shift_bits: u8,
            mode: u8,
        }
        match revision {
            1 => {
                let Tginfo1 { ctmark, ctmask, nfmask, mode } = read(data)?;
                Some(Self { mode, ctmark, ctmask, nfmask, shift_direction: 0, shift_bits: 0 })
            }
            2 => {
                let Tginfo2 { ctmark, ctmask, nfmask, shift_dir, shift_bits, mode } = read(data)?;
                Some(Self { mode, ctmark, ctmask, nfmask, shift_direction: shift_dir, shift_bits })
            }
            _ => None,
        }
    }
}
