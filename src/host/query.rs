//! What of a packet the kernel's path beside the rules looks at.

use std::net::IpAddr;

use crate::blame::packet::address;
use crate::evaluate::{Fact, Network, Packet, ip4_options, ip6, ip6_options};
use crate::sys::ct::{L4, Tuple};

/// A packet, as routing, sockets and conntrack see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Where from.
    pub src: IpAddr,
    /// Where to.
    pub dst: IpAddr,
    /// The interface it came in by; 0: this host sends it.
    pub iif: u32,
    /// The interface it has to leave by; 0: any.
    pub oif: u32,
    /// The packet mark.
    pub mark: Fact<u32>,
    /// The user who sends it.
    pub uid: Fact<u32>,
    /// The TOS or traffic class byte.
    pub tos: u8,
    /// `IPPROTO_*`; None if the packet is cut before it says.
    pub protocol: Option<u8>,
    /// Ports, or the ICMP message.
    pub l4: L4,
    /// The TCP flags byte.
    pub tcp_flags: Option<u8>,
    /// The TTL or hop limit.
    pub ttl: Option<u8>,
    /// Bytes from the network header on.
    pub length: Option<usize>,
    /// May it not be fragmented? Always so for IPv6.
    pub dont_fragment: bool,
    /// Does routing not see its transport header? It looks into no fragment, and behind no authentication header.
    pub hidden: bool,
    /// Does it ask every router to look at it (the router alert option)?
    pub alerts: bool,
}

impl Query {
    /// A packet of which only these are known.
    pub fn new(src: IpAddr, dst: IpAddr, protocol: u8, l4: L4) -> Self {
        Self {
            src,
            dst,
            iif: 0,
            oif: 0,
            mark: Fact::Is(0),
            uid: Fact::Absent,
            tos: 0,
            protocol: Some(protocol),
            l4,
            tcp_flags: None,
            ttl: None,
            length: None,
            dont_fragment: dst.is_ipv6(),
            hidden: false,
            alerts: false,
        }
    }

    /// The same, come in by an interface.
    #[must_use]
    pub fn via(mut self, iif: u32) -> Self {
        self.iif = iif;
        self
    }

    /// From a packet on its way. None: it is not an IP packet, or not enough of it is there.
    pub fn of(packet: &Packet) -> Option<Self> {
        let (src, dst) = packet.addresses()?;
        let (src, dst) = (address(src)?, address(dst)?);
        let headers = packet.headers();
        let protocol = headers.protocol;
        let transport = headers.transport.filter(|_| headers.first_fragment());
        let icmp = matches!((packet.network, protocol), (Network::Ip4, Some(1)) | (Network::Ip6, Some(58)));
        let l4 = match (packet.ports(), transport) {
            (Some((src, dst)), _) => L4::Ports { src, dst },
            (None, Some(at)) if icmp => match packet.array::<8>(at) {
                Fact::Is(h) => L4::Icmp { kind: h[0], code: h[1], id: u16::from_be_bytes([h[4], h[5]]) },
                _ => L4::None,
            },
            _ => L4::None,
        };
        let byte = |at: usize| packet.array::<1>(at).known().map(|b| b[0]);
        let (tos, ttl, dont_fragment) = match packet.network {
            Network::Ip4 => (byte(1)?, byte(8), byte(6)? & 0x40 != 0),
            _ => {
                let head = packet.array::<2>(0).known()?;
                (head[0] << 4 | head[1] >> 4, byte(7), true)
            }
        };
        Some(Self {
            src,
            dst,
            iif: packet.iif.value().map_or(0, |d| d.index),
            oif: 0,
            mark: packet.mark.clone(),
            uid: match packet.owner.as_ref() {
                Fact::Is(owner) => owner.uid.map_or_else(|| Fact::unknown("socket owner"), Fact::Is),
                Fact::Absent => Fact::Absent,
                Fact::Unknown(w) => Fact::Unknown(w),
            },
            tos,
            protocol,
            l4,
            tcp_flags: transport.filter(|_| protocol == Some(6)).and_then(|at| byte(at + 13)),
            ttl,
            length: Some(packet.length),
            dont_fragment,
            hidden: headers.more_fragments || headers.fragment_offset != 0 || ip6::hides_ports(packet),
            alerts: match packet.network {
                Network::Ip4 => matches!(ip4_options::read(packet), Fact::Is(Ok(options)) if options.alert),
                _ => ip6_options::alerts(packet),
            },
        })
    }

    /// Is it IPv6?
    pub fn is_v6(&self) -> bool {
        self.dst.is_ipv6()
    }

    /// Source and destination port.
    pub fn ports(&self) -> Option<(u16, u16)> {
        if let L4::Ports { src, dst } = self.l4 { Some((src, dst)) } else { None }
    }

    /// Its tuple in conntrack's terms; None while the protocol is not known.
    pub fn tuple(&self) -> Option<Tuple> {
        Some(Tuple { src: self.src, dst: self.dst, protocol: self.protocol?, l4: self.l4, zone: None })
    }
}
