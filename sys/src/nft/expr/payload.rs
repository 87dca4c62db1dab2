//! `payload`: loads from the packet into a register, or writes a register to the packet.

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
    /// Where the offset counts from (`NFT_PAYLOAD_*_HEADER`).
    pub enum PayloadBase(u32) {
        /// The link-layer header.
        Link = NFT_PAYLOAD_LL_HEADER => "link",
        /// The network header.
        Network = NFT_PAYLOAD_NETWORK_HEADER => "network",
        /// The transport header.
        Transport = NFT_PAYLOAD_TRANSPORT_HEADER => "transport",
        /// What is behind the transport header.
        Inner = NFT_PAYLOAD_INNER_HEADER => "inner",
        /// The tunnel header, inside [`Inner`](super::Inner).
        Tunnel = NFT_PAYLOAD_TUN_HEADER => "tunnel",
    }
}

wire_enum! {
    /// Which checksum a write keeps right (`NFT_PAYLOAD_CSUM_*`).
    pub enum CsumKind(u32) {
        /// None.
        None = NFT_PAYLOAD_CSUM_NONE => "none",
        /// The internet checksum (RFC 791).
        Inet = NFT_PAYLOAD_CSUM_INET => "inet",
        /// CRC-32c (RFC 3309).
        Sctp = NFT_PAYLOAD_CSUM_SCTP => "sctp",
    }
}

bitflags! {
    /// `NFT_PAYLOAD_L4CSUM_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct CsumFlags: u32 {
        /// The field is in the pseudo header: the transport checksum changes too.
        const PSEUDOHDR = NFT_PAYLOAD_L4CSUM_PSEUDOHDR;
        const _ = !0;
    }
}

/// `payload` that loads (`NFTA_PAYLOAD_DREG`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Payload {
    /// Where the offset counts from.
    pub base: PayloadBase,
    /// The offset in bytes.
    pub offset: u32,
    /// How many bytes.
    pub len: u32,
    /// To where.
    pub dreg: Reg,
}

/// `payload` that writes (`NFTA_PAYLOAD_SREG`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PayloadSet {
    /// Where the offset counts from.
    pub base: PayloadBase,
    /// The offset in bytes.
    pub offset: u32,
    /// How many bytes.
    pub len: u32,
    /// From where.
    pub sreg: Reg,
    /// Which checksum is kept right.
    pub csum: CsumKind,
    /// Where that is, from the same base.
    pub csum_offset: u32,
    /// What else is kept right.
    pub csum_flags: CsumFlags,
}

pub(super) fn read(f: &mut Fields<'_>) -> Result<Expr, Malformed> {
    let (mut base, mut offset, mut len, mut dreg, mut sreg) = (None, None, None, None, None);
    let (mut csum, mut csum_offset, mut csum_flags) = (CsumKind::None, 0, CsumFlags::empty());
    while let Some(a) = f.next()? {
        match a.kind() {
            NFTA_PAYLOAD_DREG => dreg = Some(a.reg()?),
            NFTA_PAYLOAD_BASE => base = Some(a.be32()?.into()),
            NFTA_PAYLOAD_OFFSET => offset = Some(a.be32()?),
            NFTA_PAYLOAD_LEN => len = Some(a.be32()?),
            NFTA_PAYLOAD_SREG => sreg = Some(a.reg()?),
            NFTA_PAYLOAD_CSUM_TYPE => csum = a.be32()?.into(),
            NFTA_PAYLOAD_CSUM_OFFSET => csum_offset = a.be32()?,
            NFTA_PAYLOAD_CSUM_FLAGS => csum_flags = CsumFlags::from_bits_retain(a.be32()?),
            _ => f.pass_over(),
        }
    }
    let base = base.required("NFTA_PAYLOAD_BASE")?;
    let offset = offset.required("NFTA_PAYLOAD_OFFSET")?;
    let len = len.required("NFTA_PAYLOAD_LEN")?;
    Ok(match sreg {
        Some(sreg) => Expr::PayloadSet(PayloadSet { base, offset, len, sreg, csum, csum_offset, csum_flags }),
        None => Expr::Payload(Payload { base, offset, len, dreg: dreg.required("NFTA_PAYLOAD_DREG")? }),
    })
}

impl Payload {
    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_PAYLOAD_DREG, self.dreg).be32(NFTA_PAYLOAD_BASE, self.base.code());
        b.be32(NFTA_PAYLOAD_OFFSET, self.offset).be32(NFTA_PAYLOAD_LEN, self.len);
    }
}

impl PayloadSet {
    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_PAYLOAD_SREG, self.sreg).be32(NFTA_PAYLOAD_BASE, self.base.code());
        b.be32(NFTA_PAYLOAD_OFFSET, self.offset).be32(NFTA_PAYLOAD_LEN, self.len);
        b.be32(NFTA_PAYLOAD_CSUM_TYPE, self.csum.code()).be32(NFTA_PAYLOAD_CSUM_OFFSET, self.csum_offset);
        b.be32(NFTA_PAYLOAD_CSUM_FLAGS, self.csum_flags.bits());
    }
}
