//! A logged packet, owned, so that it can leave the thread that received it.

use crate::blame::Time;
use crate::evaluate::headers::Network;
use crate::evaluate::hook::Hook;
use crate::sys::Text;
use crate::sys::ct;
use crate::sys::error::Malformed;
use crate::sys::netlink::Attrs;
use crate::sys::nflog::{self, Vlan};
use crate::sys::uapi::netfilter::{NFPROTO_ARP, NFPROTO_IPV4, NFPROTO_IPV6};

/// A packet that a rule logged, as the kernel described it at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedPacket {
    /// The NFLOG group.
    pub group: u16,
    /// `NFPROTO_*` of the hook.
    pub family: u8,
    /// The network layer protocol.
    pub network: Network,
    /// The hook.
    pub hook: Option<Hook>,
    /// Index of the device it came in by.
    pub iif: Option<u32>,
    /// Index of the device it goes out by.
    pub oif: Option<u32>,
    /// Index of the bridge port it came in by.
    pub physin: Option<u32>,
    /// Index of the bridge port it goes out by.
    pub physout: Option<u32>,
    /// `skb->mark`.
    pub mark: u32,
    /// Uid of the sending socket's owner.
    pub uid: Option<u32>,
    /// Gid of the sending socket's owner.
    pub gid: Option<u32>,
    /// The log prefix.
    pub prefix: Text,
    /// When it arrived, by the kernel's stamp; only up to the forward hook.
    pub time: Option<Time>,
    /// When we read it.
    pub received: Time,
    /// `ARPHRD_*` of the device that the link layer header is of.
    pub hw_type: Option<u16>,
    /// The link layer header; empty if there is none.
    pub link: Box<[u8]>,
    /// The VLAN tag that is beside the packet, not in the link layer header.
    pub vlan: Option<Vlan>,
    /// From the network header on; possibly cut at the copy range.
    pub payload: Box<[u8]>,
    /// The connection, as nested `CTA_*` attributes; empty if there is none.
    pub ct: Box<[u8]>,
    /// `enum ip_conntrack_info`.
    pub ct_info: Option<u32>,
    /// The packet's number in its group.
    pub seq: Option<u32>,
    /// How many packets it stands for: more than one where others that looked the same were counted instead of kept.
    pub count: u32,
}

impl LoggedPacket {
    /// Copies a packet out of the receive buffer.
    pub fn new(p: &nflog::Packet<'_>, received: Time) -> Self {
        Self {
            group: p.group,
            family: p.family,
            network: network(p),
            hook: p.hook.and_then(|n| Hook::from_number(p.family, n.into())),
            iif: p.iif,
            oif: p.oif,
            physin: p.physin,
            physout: p.physout,
            mark: p.mark,
            uid: p.uid,
            gid: p.gid,
            prefix: Text::new(p.prefix),
            time: p.timestamp.map(|d| Time(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX))),
            received,
            hw_type: p.hw_type,
            link: p.l2_header.or(p.hw_header).unwrap_or_default().into(),
            vlan: p.vlan,
            payload: p.payload.into(),
            ct: p.ct.map(|a| a.as_bytes()).unwrap_or_default().into(),
            ct_info: p.ct_info,
            seq: p.seq,
            count: 1,
        }
    }

    /// Its connection, if it has one.
    ///
    /// # Errors
    /// When the kernel's description of it is malformed.
    pub fn connection(&self) -> Option<Result<ct::Flow, Malformed>> {
        (!self.ct.is_empty()).then(|| ct::Flow::parse(Attrs::new(&self.ct)))
    }

    /// When it passed: the kernel's stamp, else when we read it.
    pub fn when(&self) -> Time {
        self.time.unwrap_or(self.received)
    }
}

/// The family tells it, where it is one of a network protocol; else the Ethertype does.
pub(crate) fn network(p: &nflog::Packet<'_>) -> Network {
    match p.family {
        NFPROTO_IPV4 => Network::Ip4,
        NFPROTO_IPV6 => Network::Ip6,
        NFPROTO_ARP => Network::Arp,
        _ => Network::from_ethertype(p.hw_protocol.unwrap_or(0)),
    }
}
