//! `meta`: what the kernel knows about the packet.

use serde::Serialize;

use super::Expr;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_META_*`, in nft's words.
    pub enum MetaKey(u32) {
        /// Length of the packet in bytes (u32, host order).
        Length = NFT_META_LEN => "length",
        /// EtherType (u16, network order).
        Protocol = NFT_META_PROTOCOL => "protocol",
        /// Priority, a tc handle (u32, host order).
        Priority = NFT_META_PRIORITY => "priority",
        /// Mark (u32, host order).
        Mark = NFT_META_MARK => "mark",
        /// Index of the input device (u32, host order).
        Iif = NFT_META_IIF => "iif",
        /// Index of the output device (u32, host order).
        Oif = NFT_META_OIF => "oif",
        /// Name of the input device (16 bytes).
        Iifname = NFT_META_IIFNAME => "iifname",
        /// Name of the output device (16 bytes).
        Oifname = NFT_META_OIFNAME => "oifname",
        /// Type of the input device (`ARPHRD_*`, u16, host order).
        Iiftype = NFT_META_IFTYPE => "iiftype",
        /// Type of the output device.
        Oiftype = NFT_META_OIFTYPE => "oiftype",
        /// User of the local socket (u32, host order).
        Skuid = NFT_META_SKUID => "skuid",
        /// Group of the local socket (u32, host order).
        Skgid = NFT_META_SKGID => "skgid",
        /// Is the packet traced? (u8)
        Nftrace = NFT_META_NFTRACE => "nftrace",
        /// Realm of the route (u32, host order).
        Rtclassid = NFT_META_RTCLASSID => "rtclassid",
        /// Security mark (u32, host order).
        Secmark = NFT_META_SECMARK => "secmark",
        /// Family of the hook (`NFPROTO_*`, u8).
        Nfproto = NFT_META_NFPROTO => "nfproto",
        /// Transport protocol (u8).
        L4proto = NFT_META_L4PROTO => "l4proto",
        /// Name of the bridge it came in by (16 bytes).
        BriIifname = NFT_META_BRI_IIFNAME => "ibrname",
        /// Name of the bridge it leaves by (16 bytes).
        BriOifname = NFT_META_BRI_OIFNAME => "obrname",
        /// `PACKET_*`: for us, broadcast, multicast, other host (u8).
        Pkttype = NFT_META_PKTTYPE => "pkttype",
        /// The processor (u32, host order).
        Cpu = NFT_META_CPU => "cpu",
        /// Group of the input device (u32, host order).
        Iifgroup = NFT_META_IIFGROUP => "iifgroup",
        /// Group of the output device (u32, host order).
        Oifgroup = NFT_META_OIFGROUP => "oifgroup",
        /// net_cls class of the local socket (u32, host order).
        Cgroup = NFT_META_CGROUP => "cgroup",
        /// A random number (u32).
        Random = NFT_META_PRANDOM => "random",
        /// Did it come through IPsec? (u8)
        Secpath = NFT_META_SECPATH => "secpath",
        /// Kind of the input device, such as `veth` (16 bytes).
        Iifkind = NFT_META_IIFKIND => "iifkind",
        /// Kind of the output device (16 bytes).
        Oifkind = NFT_META_OIFKIND => "oifkind",
        /// VLAN id of the bridge port (u16, host order).
        BriIifpvid = NFT_META_BRI_IIFPVID => "ibrpvid",
        /// VLAN protocol of the bridge (u16, network order).
        BriIifvproto = NFT_META_BRI_IIFVPROTO => "ibrvproto",
        /// Nanoseconds since 1970 (u64, host order).
        TimeNs = NFT_META_TIME_NS => "time",
        /// Day of the week, 0 = Sunday, in UTC (u8).
        TimeDay = NFT_META_TIME_DAY => "day",
        /// Seconds since midnight, in UTC (u32, host order).
        TimeHour = NFT_META_TIME_HOUR => "hour",
        /// Index of the device under a VRF (u32, host order).
        Sdif = NFT_META_SDIF => "sdif",
        /// Name of the device under a VRF (16 bytes).
        Sdifname = NFT_META_SDIFNAME => "sdifname",
        /// Route instead of bridge? (u8)
        BriBroute = NFT_META_BRI_BROUTE => "broute",
        /// Ethernet address of the bridge it came in by (6 bytes, Linux 6.18).
        BriIifhwaddr = NFT_META_BRI_IIFHWADDR => "ibrhwaddr",
    }
}

/// `meta` that loads (`NFTA_META_DREG`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Meta {
    /// What.
    pub key: MetaKey,
    /// To where.
    pub dreg: Reg,
}

/// `meta` that sets (`NFTA_META_SREG`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MetaSet {
    /// What.
    pub key: MetaKey,
    /// From where.
    pub sreg: Reg,
}

pub(super) fn read(f: &mut Fields<'_>) -> Result<Expr, Malformed> {
    let (mut key, mut dreg, mut sreg) = (None, None, None);
    while let Some(a) = f.next()? {
        match a.kind() {
            NFTA_META_DREG => dreg = Some(a.reg()?),
            NFTA_META_KEY => key = Some(a.be32()?.into()),
            NFTA_META_SREG => sreg = Some(a.reg()?),
            _ => f.pass_over(),
        }
    }
    let key = key.required("NFTA_META_KEY")?;
    Ok(match sreg {
        Some(sreg) => Expr::MetaSet(MetaSet { key, sreg }),
        None => Expr::Meta(Meta { key, dreg: dreg.required("NFTA_META_DREG")? }),
    })
}

impl Meta {
    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_META_KEY, self.key.code()).reg(NFTA_META_DREG, self.dreg);
    }
}

impl MetaSet {
    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_META_KEY, self.key.code()).reg(NFTA_META_SREG, self.sreg);
    }
}
