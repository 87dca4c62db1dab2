//! `ct`: the packet's connection.

use serde::Serialize;

use super::Expr;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_CT_*`, in nft's words.
    pub enum CtKey(u32) {
        /// State of the packet in it, a bit (u32, host order): 1 invalid, 2 established, 4 related, 8 new, 64 untracked.
        State = NFT_CT_STATE => "state",
        /// Direction of the packet (u8).
        Direction = NFT_CT_DIRECTION => "direction",
        /// `IPS_*` bits (u32, host order).
        Status = NFT_CT_STATUS => "status",
        /// Mark (u32, host order).
        Mark = NFT_CT_MARK => "mark",
        /// Security mark (u32, host order).
        Secmark = NFT_CT_SECMARK => "secmark",
        /// Milliseconds until it expires (u32, host order).
        Expiration = NFT_CT_EXPIRATION => "expiration",
        /// Name of its helper (16 bytes).
        Helper = NFT_CT_HELPER => "helper",
        /// Network protocol (`NFPROTO_*`, u8).
        L3protocol = NFT_CT_L3PROTOCOL => "l3proto",
        /// Source address (4 or 16 bytes).
        Src = NFT_CT_SRC => "saddr",
        /// Destination address (4 or 16 bytes).
        Dst = NFT_CT_DST => "daddr",
        /// Transport protocol (u8).
        Protocol = NFT_CT_PROTOCOL => "protocol",
        /// Source port (u16, network order).
        ProtoSrc = NFT_CT_PROTO_SRC => "proto-src",
        /// Destination port (u16, network order).
        ProtoDst = NFT_CT_PROTO_DST => "proto-dst",
        /// Labels (16 bytes).
        Labels = NFT_CT_LABELS => "label",
        /// Packets (u64, host order).
        Packets = NFT_CT_PKTS => "packets",
        /// Bytes (u64, host order).
        Bytes = NFT_CT_BYTES => "bytes",
        /// Mean size of its packets (u64, host order).
        Avgpkt = NFT_CT_AVGPKT => "avgpkt",
        /// Zone (u16, host order).
        Zone = NFT_CT_ZONE => "zone",
        /// Which events are announced (u32, host order).
        Event = NFT_CT_EVENTMASK => "event",
        /// IPv4 source address.
        SrcIp = NFT_CT_SRC_IP => "saddr-ip",
        /// IPv4 destination address.
        DstIp = NFT_CT_DST_IP => "daddr-ip",
        /// IPv6 source address.
        SrcIp6 = NFT_CT_SRC_IP6 => "saddr-ip6",
        /// IPv6 destination address.
        DstIp6 = NFT_CT_DST_IP6 => "daddr-ip6",
        /// Id (u32, network order).
        Id = NFT_CT_ID => "id",
    }
}

wire_enum! {
    /// `IP_CT_DIR_*`.
    pub enum CtDirection(u8) {
        /// As the first packet.
        Original = 0 => "original",
        /// Against the first packet.
        Reply = 1 => "reply",
    }
}

/// `ct` that loads (`NFTA_CT_DREG`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ct {
    /// What.
    pub key: CtKey,
    /// Of which direction.
    pub direction: Option<CtDirection>,
    /// To where.
    pub dreg: Reg,
}

/// `ct` that sets (`NFTA_CT_SREG`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CtSet {
    /// What.
    pub key: CtKey,
    /// Of which direction.
    pub direction: Option<CtDirection>,
    /// From where.
    pub sreg: Reg,
}

pub(super) fn read(f: &mut Fields<'_>) -> Result<Expr, Malformed> {
    let (mut key, mut direction, mut dreg, mut sreg) = (None, None, None, None);
    while let Some(a) = f.next()? {
        match a.kind() {
            NFTA_CT_DREG => dreg = Some(a.reg()?),
            NFTA_CT_KEY => key = Some(a.be32()?.into()),
            NFTA_CT_DIRECTION => direction = Some(a.u8()?.into()),
            NFTA_CT_SREG => sreg = Some(a.reg()?),
            _ => f.pass_over(),
        }
    }
    let key = key.required("NFTA_CT_KEY")?;
    Ok(match sreg {
        Some(sreg) => Expr::CtSet(CtSet { key, direction, sreg }),
        None => Expr::Ct(Ct { key, direction, dreg: dreg.required("NFTA_CT_DREG")? }),
    })
}

impl Ct {
    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_CT_KEY, self.key.code()).reg(NFTA_CT_DREG, self.dreg);
        if let Some(direction) = self.direction {
            b.u8(NFTA_CT_DIRECTION, direction.code());
        }
    }
}

impl CtSet {
    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_CT_KEY, self.key.code()).reg(NFTA_CT_SREG, self.sreg);
        if let Some(direction) = self.direction {
            b.u8(NFTA_CT_DIRECTION, direction.code());
        }
    }
}
