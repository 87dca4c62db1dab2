//! `bitwise`: masks, shifts and combines.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::{Data, Reg};
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

/// `bitwise` (`NFTA_BITWISE_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bitwise {
    /// From where.
    pub sreg: Reg,
    /// To where.
    pub dreg: Reg,
    /// How many bytes.
    pub len: u8,
    /// What is done.
    pub op: BitwiseOp,
}

/// The operation (`NFT_BITWISE_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BitwiseOp {
    /// `dreg = (sreg & mask) ^ xor`
    MaskXor {
        /// Bits to keep.
        mask: Data,
        /// Bits to flip afterwards.
        xor: Data,
    },
    /// Shift left by that many bits, each 32-bit word in host order, the first word the highest.
    ShiftLeft(u32),
    /// Shift right by that many bits.
    ShiftRight(u32),
    /// `dreg = sreg & operand` (Linux 6.13).
    And(Operand),
    /// `dreg = sreg | operand` (Linux 6.13).
    Or(Operand),
    /// `dreg = sreg ^ operand` (Linux 6.13).
    Xor(Operand),
}

/// The second operand of a combination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// `NFTA_BITWISE_SREG2`
    Reg(Reg),
    /// `NFTA_BITWISE_DATA`
    Data(Data),
}

impl Bitwise {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut sreg, mut dreg, mut len, mut op) = (None, None, None, NFT_BITWISE_MASK_XOR);
        let (mut mask, mut xor, mut data, mut sreg2) = (None, None, None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_BITWISE_SREG => sreg = Some(a.reg()?),
                NFTA_BITWISE_DREG => dreg = Some(a.reg()?),
                NFTA_BITWISE_LEN => len = Some(a.be32_as_u8()?),
                NFTA_BITWISE_MASK => mask = Some(f.data(a)?),
                NFTA_BITWISE_XOR => xor = Some(f.data(a)?),
                // Absent before Linux 5.6, which only knew the first operation.
                NFTA_BITWISE_OP => op = a.be32()?,
                NFTA_BITWISE_DATA => data = Some(f.data(a)?),
                NFTA_BITWISE_SREG2 => sreg2 = Some(a.reg()?),
                _ => f.pass_over(),
            }
        }
        let shift = |data: Option<Data>| {
            data.required("NFTA_BITWISE_DATA")?.host32().ok_or(Malformed::Value("length of a shift"))
        };
        let operand = |data: Option<Data>| match sreg2 {
            Some(reg) => Ok(Operand::Reg(reg)),
            None => data.map(Operand::Data).required("NFTA_BITWISE_DATA"),
        };
        let op = match op {
            NFT_BITWISE_MASK_XOR => {
                BitwiseOp::MaskXor { mask: mask.required("NFTA_BITWISE_MASK")?, xor: xor.required("NFTA_BITWISE_XOR")? }
            }
            NFT_BITWISE_LSHIFT => BitwiseOp::ShiftLeft(shift(data)?),
            NFT_BITWISE_RSHIFT => BitwiseOp::ShiftRight(shift(data)?),
            NFT_BITWISE_AND => BitwiseOp::And(operand(data)?),
            NFT_BITWISE_OR => BitwiseOp::Or(operand(data)?),
            NFT_BITWISE_XOR => BitwiseOp::Xor(operand(data)?),
            _ => return Err(Malformed::Value("bitwise operation")),
        };
        Ok(Self {
            sreg: sreg.required("NFTA_BITWISE_SREG")?,
            dreg: dreg.required("NFTA_BITWISE_DREG")?,
            len: len.required("NFTA_BITWISE_LEN")?,
            op,
        })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_BITWISE_SREG, self.sreg).reg(NFTA_BITWISE_DREG, self.dreg);
        b.be32(NFTA_BITWISE_LEN, self.len.into());
        let operand = |b: &mut Builder, op, operand: &Operand| {
            b.be32(NFTA_BITWISE_OP, op);
            match operand {
                Operand::Reg(reg) => b.reg(NFTA_BITWISE_SREG2, *reg),
                Operand::Data(data) => b.data(NFTA_BITWISE_DATA, data),
            };
        };
        let shift = |b: &mut Builder, op, bits: u32| {
            b.be32(NFTA_BITWISE_OP, op).data(NFTA_BITWISE_DATA, &Data::new(bits.to_ne_bytes()));
        };
        match &self.op {
            BitwiseOp::MaskXor { mask, xor } => {
                b.be32(NFTA_BITWISE_OP, NFT_BITWISE_MASK_XOR).data(NFTA_BITWISE_MASK, mask).data(NFTA_BITWISE_XOR, xor);
            }
            BitwiseOp::ShiftLeft(bits) => shift(b, NFT_BITWISE_LSHIFT, *bits),
            BitwiseOp::ShiftRight(bits) => shift(b, NFT_BITWISE_RSHIFT, *bits),
            BitwiseOp::And(o) => operand(b, NFT_BITWISE_AND, o),
            BitwiseOp::Or(o) => operand(b, NFT_BITWISE_OR, o),
            BitwiseOp::Xor(o) => operand(b, NFT_BITWISE_XOR, o),
        }
    }
}
