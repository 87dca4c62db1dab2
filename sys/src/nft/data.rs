//! Registers, the data in them, and verdicts.

use std::fmt;

use byteorder::BE;
use serde::{Serialize, Serializer};
use smallvec::SmallVec;

use super::fields::Fields;
use crate::Text;
use crate::error::Malformed;
use crate::text::Hex;
use crate::uapi::netfilter::*;
use crate::uapi::nf_tables::*;

/// A register, as the number of its first 32-bit word in the kernel's `struct nft_regs`.
///
/// 0 is the verdict register. The data registers are words 4 to 19: `NFT_REG_1` and `NFT_REG32_00` are both word
/// 4 (see `nft_parse_register` in net/netfilter/nf_tables_api.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Reg(pub u8);

impl Reg {
    /// The verdict register.
    pub const VERDICT: Self = Self(0);
    /// `NFT_REG_1`, which is `NFT_REG32_00`.
    pub const R1: Self = Self(4);
    /// How many 32-bit words of data registers there are.
    pub const WORDS: usize = 16;

    /// From the number in an attribute: `NFT_REG_VERDICT`, `NFT_REG_1..4` or `NFT_REG32_00..15`.
    pub const fn from_kernel(n: u32) -> Option<Self> {
        match n {
            NFT_REG_VERDICT..=NFT_REG_4 => Some(Self((n * 4) as u8)),
            NFT_REG32_00..=NFT_REG32_15 => Some(Self((n - NFT_REG32_00 + 4) as u8)),
            _ => None,
        }
    }

    /// To the number in an attribute, as the kernel itself would write it (`nft_dump_register`).
    pub const fn to_kernel(self) -> u32 {
        if self.0.is_multiple_of(4) { self.0 as u32 / 4 } else { self.0 as u32 + NFT_REG32_00 - 4 }
    }

    /// The index of its first 32-bit word among the data registers (0 to 15); nothing for the verdict register.
    pub const fn word(self) -> Option<usize> {
        match self.0 {
            4..=19 => Some(self.0 as usize - 4),
            _ => None,
        }
    }
}

/// In the words of `nft --debug=netlink`: `reg 1`, or for a register between the 16-byte ones `reg32 5`.
impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n.is_multiple_of(4) => write!(f, "reg {}", n / 4),
            n => write!(f, "reg32 {}", n.wrapping_sub(4)),
        }
    }
}

/// What a register or a set element holds: up to 64 bytes (`NFT_DATA_VALUE_MAXLEN`), in the byte order of whatever
/// it is compared with. Serialises as hexadecimal.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Data(SmallVec<[u8; 16]>);

impl Data {
    /// Takes the bytes.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(SmallVec::from_slice(bytes.as_ref()))
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first two bytes in network order, if there are exactly two.
    pub fn be16(&self) -> Option<u16> {
        <[u8; 2]>::try_from(self.as_bytes()).ok().map(u16::from_be_bytes)
    }

    /// The number in network order, if there are exactly four bytes.
    pub fn be32(&self) -> Option<u32> {
        <[u8; 4]>::try_from(self.as_bytes()).ok().map(u32::from_be_bytes)
    }

    /// The number in host order, if there are exactly four bytes.
    pub fn host32(&self) -> Option<u32> {
        <[u8; 4]>::try_from(self.as_bytes()).ok().map(u32::from_ne_bytes)
    }
}

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::Deref for Data {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", Hex(&self.0))
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&Hex(&self.0))
    }
}

/// `NFTA_DATA_VALUE` or `NFTA_DATA_VERDICT`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Bytes.
    Data(Data),
    /// A verdict.
    Verdict(Verdict),
}

impl Value {
    /// The bytes, if it is bytes.
    pub fn data(&self) -> Option<&Data> {
        match self {
            Self::Data(d) => Some(d),
            Self::Verdict(_) => None,
        }
    }

    /// The verdict, if it is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        match self {
            Self::Data(_) => None,
            Self::Verdict(v) => Some(v),
        }
    }

    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let mut value = None;
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_DATA_VALUE => value = Some(Self::Data(Data::new(a.bytes()))),
                NFTA_DATA_VERDICT => {
                    let mut inner = Fields::new(a.nested());
                    value = Some(Self::Verdict(Verdict::read(&mut inner)?));
                    if inner.passed_over() {
                        f.pass_over();
                    }
                }
                _ => f.pass_over(),
            }
        }
        value.ok_or(Malformed::Missing("NFTA_DATA_VALUE"))
    }
}

/// What happens to the packet, or to its walk (`NFT_*` of enum nft_verdicts and `NF_*` share one number space).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// `NF_ACCEPT`: the base chain is done with the packet.
    Accept,
    /// `NF_DROP` (an errno in its high bits, for the socket of a local sender, is not kept).
    Drop,
    /// `NF_STOLEN`: somebody else has the packet now.
    Stolen,
    /// `NF_QUEUE`: to user space.
    Queue {
        /// The queue.
        num: u16,
        /// `NF_VERDICT_FLAG_QUEUE_BYPASS`: accept when nobody listens there.
        bypass: bool,
    },
    /// `NF_REPEAT`: the hook is called again.
    Repeat,
    /// `NFT_CONTINUE`: on with the next expression or rule.
    Continue,
    /// `NFT_BREAK`: this rule does not apply.
    Break,
    /// `NFT_JUMP`: walk that chain and come back.
    Jump(Text),
    /// `NFT_GOTO`: walk that chain and come back to where this one was jumped to from.
    Goto(Text),
    /// `NFT_RETURN`: back to where this chain was jumped to from.
    Return,
    /// A number that this version does not know.
    Unknown(i32),
}

/// `NF_VERDICT_FLAG_QUEUE_BYPASS`.
const QUEUE_BYPASS: i32 = 0x8000;
/// `NF_VERDICT_MASK`.
const MASK: i32 = 0xff;

impl Verdict {
    /// From `NFTA_VERDICT_CODE` (or a policy), with the chain of a jump or goto.
    pub fn from_kernel(code: i32, chain: Text) -> Self {
        match code {
            NFT_CONTINUE => Self::Continue,
            NFT_BREAK => Self::Break,
            NFT_JUMP => Self::Jump(chain),
            NFT_GOTO => Self::Goto(chain),
            NFT_RETURN => Self::Return,
            NF_ACCEPT => Self::Accept,
            NF_STOLEN => Self::Stolen,
            NF_REPEAT => Self::Repeat,
            _ => match code & MASK {
                NF_DROP => Self::Drop,
                NF_QUEUE => Self::Queue { num: (code as u32 >> 16) as u16, bypass: code & QUEUE_BYPASS != 0 },
                _ => Self::Unknown(code),
            },
        }
    }

    /// `NFTA_VERDICT_CODE`.
    pub fn code(&self) -> i32 {
        match self {
            Self::Accept => NF_ACCEPT,
            Self::Drop => NF_DROP,
            Self::Stolen => NF_STOLEN,
            Self::Queue { num, bypass } => {
                NF_QUEUE | (u32::from(*num) << 16) as i32 | if *bypass { QUEUE_BYPASS } else { 0 }
            }
            Self::Repeat => NF_REPEAT,
            Self::Continue => NFT_CONTINUE,
            Self::Break => NFT_BREAK,
            Self::Jump(_) => NFT_JUMP,
            Self::Goto(_) => NFT_GOTO,
            Self::Return => NFT_RETURN,
            Self::Unknown(code) => *code,
        }
    }

    /// The chain of a jump or goto.
    pub fn chain(&self) -> Option<&Text> {
        match self {
            Self::Jump(chain) | Self::Goto(chain) => Some(chain),
            _ => None,
        }
    }

    /// Reads `NFTA_VERDICT_*`.
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let mut code = None;
        let mut chain = Text::default();
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_VERDICT_CODE => code = Some(a.u32::<BE>()? as i32),
                NFTA_VERDICT_CHAIN => chain = a.text(),
                _ => f.pass_over(),
            }
        }
        Ok(Self::from_kernel(code.ok_or(Malformed::Missing("NFTA_VERDICT_CODE"))?, chain))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Stolen => f.write_str("stolen"),
            Self::Queue { num, bypass } => {
                write!(f, "queue to {num}{}", if *bypass { " bypass" } else { "" })
            }
            Self::Repeat => f.write_str("repeat"),
            Self::Continue => f.write_str("continue"),
            Self::Break => f.write_str("break"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
            Self::Return => f.write_str("return"),
            Self::Unknown(code) => write!(f, "unknown({code})"),
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_of_both_sizes_name_the_same_words() {
        assert_eq!(Reg::from_kernel(NFT_REG_1), Reg::from_kernel(NFT_REG32_00));
        assert_eq!(Reg::from_kernel(NFT_REG_2).and_then(Reg::word), Some(4));
        assert_eq!(Reg::from_kernel(NFT_REG32_15).and_then(Reg::word), Some(15));
        assert_eq!(Reg::from_kernel(0), Some(Reg::VERDICT));
        assert_eq!(Reg::VERDICT.word(), None);
        for bad in [5, 6, 7, 24, u32::MAX] {
            assert_eq!(Reg::from_kernel(bad), None);
        }
        for n in (0..=4).chain(8..=23) {
            let back = Reg::from_kernel(n).map(Reg::to_kernel).and_then(Reg::from_kernel);
            assert_eq!(back, Reg::from_kernel(n));
        }
    }

    #[test]
    fn verdict_codes_read_back() {
        let jump = Verdict::Jump("c".into());
        for v in [Verdict::Accept, Verdict::Drop, Verdict::Queue { num: 7, bypass: true }, jump, Verdict::Unknown(93)] {
            let chain = v.chain().cloned().unwrap_or_default();
            assert_eq!(Verdict::from_kernel(v.code(), chain), v);
        }
        assert_eq!(Verdict::from_kernel(0x0007_8003, Text::default()).to_string(), "queue to 7 bypass");
    }
}
