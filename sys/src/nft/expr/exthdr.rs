//! `exthdr`: IPv6 extension headers, IPv4 and TCP options, SCTP chunks, DCCP options.

use bitflags::bitflags;
use serde::Serialize;

use super::Expr;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// What is searched (`NFT_EXTHDR_OP_*`).
    pub enum ExthdrOp(u32) {
        /// IPv6 extension headers.
        Ipv6 = NFT_EXTHDR_OP_IPV6 => "ipv6",
        /// TCP options.
        Tcpopt = NFT_EXTHDR_OP_TCPOPT => "tcpopt",
        /// IPv4 options.
        Ipv4 = NFT_EXTHDR_OP_IPV4 => "ipv4",
        /// SCTP chunks.
        Sctp = NFT_EXTHDR_OP_SCTP => "sctp",
        /// DCCP options.
        Dccp = NFT_EXTHDR_OP_DCCP => "dccp",
    }
}

bitflags! {
    /// `NFT_EXTHDR_F_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct ExthdrFlags: u32 {
        /// Only whether it is there: 1 or 0 is loaded.
        const PRESENT = NFT_EXTHDR_F_PRESENT;
        const _ = !0;
    }
}

/// `exthdr` that loads (`NFTA_EXTHDR_DREG`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Exthdr {
    /// What is searched.
    pub op: ExthdrOp,
    /// The type of the header, option or chunk.
    pub kind: u8,
    /// The offset in it.
    pub offset: u32,
    /// How many bytes.
    pub len: u32,
    /// Its flags.
    pub flags: ExthdrFlags,
    /// To where.
    pub dreg: Reg,
}

/// `exthdr` that writes (`NFTA_EXTHDR_SREG`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExthdrSet {
    /// What is searched.
    pub op: ExthdrOp,
    /// The type of the option.
    pub kind: u8,
    /// The offset in it.
    pub offset: u32,
    /// How many bytes.
    pub len: u32,
    /// Its flags.
    pub flags: ExthdrFlags,
    /// From where.
    pub sreg: Reg,
}

/// `exthdr` without a register: overwrites the option with padding (`reset tcp option`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExthdrStrip {
    /// What is searched.
    pub op: ExthdrOp,
    /// The type of the option.
    pub kind: u8,
}

pub(super) fn read(f: &mut Fields<'_>) -> Result<Expr, Malformed> {
    let (mut kind, mut offset, mut len, mut dreg, mut sreg) = (None, 0, 0, None, None);
    // Absent before Linux 4.11, which only knew IPv6.
    let mut op = ExthdrOp::Ipv6;
    let mut flags = ExthdrFlags::empty();
    while let Some(a) = f.next()? {
        match a.kind() {
            NFTA_EXTHDR_DREG => dreg = Some(a.reg()?),
            NFTA_EXTHDR_TYPE => kind = Some(a.u8()?),
            NFTA_EXTHDR_OFFSET => offset = a.be32()?,
            NFTA_EXTHDR_LEN => len = a.be32()?,
            NFTA_EXTHDR_FLAGS => flags = ExthdrFlags::from_bits_retain(a.be32()?),
            NFTA_EXTHDR_OP => op = a.be32()?.into(),
            NFTA_EXTHDR_SREG => sreg = Some(a.reg()?),
            _ => f.pass_over(),
        }
    }
    let kind = kind.required("NFTA_EXTHDR_TYPE")?;
    Ok(match (dreg, sreg) {
        (Some(dreg), _) => Expr::Exthdr(Exthdr { op, kind, offset, len, flags, dreg }),
        (None, Some(sreg)) => Expr::ExthdrSet(ExthdrSet { op, kind, offset, len, flags, sreg }),
        (None, None) => Expr::ExthdrStrip(ExthdrStrip { op, kind }),
    })
}

impl Exthdr {
    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_EXTHDR_DREG, self.dreg);
        b.u8(NFTA_EXTHDR_TYPE, self.kind).be32(NFTA_EXTHDR_OFFSET, self.offset).be32(NFTA_EXTHDR_LEN, self.len);
        b.be32(NFTA_EXTHDR_FLAGS, self.flags.bits()).be32(NFTA_EXTHDR_OP, self.op.code());
    }
}

impl ExthdrSet {
    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_EXTHDR_SREG, self.sreg);
        b.u8(NFTA_EXTHDR_TYPE, self.kind).be32(NFTA_EXTHDR_OFFSET, self.offset).be32(NFTA_EXTHDR_LEN, self.len);
        b.be32(NFTA_EXTHDR_OP, self.op.code());
        if !self.flags.is_empty() {
            b.be32(NFTA_EXTHDR_FLAGS, self.flags.bits());
        }
    }
}

impl ExthdrStrip {
    pub(super) fn write(&self, b: &mut Builder) {
        b.u8(NFTA_EXTHDR_TYPE, self.kind).be32(NFTA_EXTHDR_OP, self.op.code());
    }
}
