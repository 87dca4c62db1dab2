//! `-m bpf` (include/uapi/linux/netfilter/xt_bpf.h).

use serde::{Serialize, Serializer};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::TextRef;
use crate::xt::wire::read;

/// A BPF program decides (`struct xt_bpf_info_v1` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bpf<'a> {
    /// `XT_BPF_MODE_BYTECODE`: a classic program in the rule itself.
    Bytecode(Program<'a>),
    /// `XT_BPF_MODE_FD_PINNED`: an extended program, by the path it was pinned at.
    Pinned(TextRef<'a>),
    /// `XT_BPF_MODE_FD_ELF`: an extended program, of which nothing is told.
    Descriptor,
}

/// Instructions of classic BPF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program<'a>(&'a [u8]);

/// One instruction of classic BPF (`struct sock_filter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Jump if true.
    pub jt: u8,
    /// Jump if false.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

const SIZE: usize = size_of::<Instruction>();

impl<'a> Program<'a> {
    /// The instructions in order.
    pub fn instructions(&self) -> impl ExactSizeIterator<Item = Instruction> + use<'a> {
        self.0.chunks_exact(SIZE).map(|chunk| read(chunk).unwrap_or(Instruction { code: 0, jt: 0, jf: 0, k: 0 }))
    }
}

impl Serialize for Program<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.instructions())
    }
}

impl<'a> Bpf<'a> {
    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        const MOST: usize = 64;
        let program = |count: u16, at: usize| {
            let count = usize::from(count);
            (count <= MOST).then(|| data.get(at..at + count * SIZE).map(|code| Self::Bytecode(Program(code)))).flatten()
        };
        match revision {
            0 => program(read(data)?, 4),
            1 => {
                let [mode, count]: [u16; 2] = read(data)?;
                match mode {
                    0 => program(count, 8),
                    1 => data.get(8..8 + MOST * SIZE).map(|path| Self::Pinned(TextRef::from_c(path))),
                    2 => Some(Self::Descriptor),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
