//! Elements of sets.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::kind::Kind;
use super::value;
use crate::Text;
use crate::error::Malformed;
use crate::netlink::Attrs;
use crate::uapi::ip_set::*;

/// An element of a set and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// What it matches.
    pub element: Element,
    /// It is an exception from a wider element (`nomatch`).
    pub nomatch: bool,
    /// Seconds until it expires, 0 = never. `None` if the set has no timeouts.
    pub timeout: Option<u32>,
    /// The rest, where the set has any of it.
    pub extra: Option<Box<Extra>>,
}

/// What an element can carry besides what it matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Extra {
    /// Packets and bytes counted.
    pub counters: Option<(u64, u64)>,
    /// Its comment.
    pub comment: Option<Text>,
    /// Mark and mask that the SET target gives to packets.
    pub mark: Option<(u32, u32)>,
    /// Traffic class that the SET target gives to packets, major in the high half.
    pub priority: Option<u32>,
    /// Hardware queue that the SET target gives to packets.
    pub queue: Option<u16>,
    /// Attributes that this crate does not know, as type and payload.
    pub unknown: Vec<(u16, Vec<u8>)>,
}

/// What an element matches, by type of the set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Element {
    /// An address.
    Ip(IpAddr),
    /// An address and the hardware address that must come with it; in a bitmap it may be yet to be learned.
    IpMac(IpAddr, Option<Mac>),
    /// A hardware address.
    Mac(Mac),
    /// A port of a bitmap, whatever the protocol.
    Port(u16),
    /// An address and a packet mark.
    IpMark(IpAddr, u32),
    /// An address and a port.
    IpPort(IpAddr, Port),
    /// Two addresses and a port.
    IpPortIp(IpAddr, Port, IpAddr),
    /// An address, a port and a network.
    IpPortNet(IpAddr, Port, Net),
    /// A network.
    Net(Net),
    /// A network and an interface.
    NetIface(Net, Iface),
    /// Two networks.
    NetNet(Net, Net),
    /// A network and a port.
    NetPort(Net, Port),
    /// Two networks and a port.
    NetPortNet(Net, Port, Net),
    /// Another set.
    Set(Text),
    /// An element of a type that this crate does not know: its attributes as they came.
    Unknown(Vec<u8>),
}

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

/// A protocol and its port, or ICMP type (high byte) and code (low byte); 0 for protocols without ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Port {
    /// `IPPROTO_*`.
    pub proto: u8,
    /// The number.
    pub port: u16,
}

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Net {
    /// Its address; bits behind the prefix are 0.
    pub address: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Iface {
    /// Its name.
    pub name: Text,
    /// It is the bridge port, not the bridge.
    pub physdev: bool,
    /// Every name that begins so.
    pub wildcard: bool,
}

impl Member {
    /// Reads the attributes of one element of a set of that type.
    ///
    /// # Errors
    /// When a value is cut short. An element that lacks a part, or is of an unknown type, is [`Element::Unknown`].
    pub fn parse(kind: &Kind, attrs: Attrs<'_>) -> Result<Self, Malformed> {
        let mut parts = Parts::default();
        let mut extra = Extra::default();
        let mut timeout = None;
        let (mut packets, mut bytes) = (None, None);
        for attr in attrs {
            let a = attr?;
            match a.kind() {
                IPSET_ATTR_IP => parts.ip = Some(value::address(&a)?),
                IPSET_ATTR_CIDR => parts.cidr = Some(a.u8()?),
                IPSET_ATTR_IP2 => parts.ip2 = Some(value::address(&a)?),
                IPSET_ATTR_CIDR2 => parts.cidr2 = Some(a.u8()?),
                IPSET_ATTR_PORT => parts.port = Some(value::u16(&a)?),
                IPSET_ATTR_PROTO => parts.proto = Some(a.u8()?),
                IPSET_ATTR_MARK => parts.mark = Some(value::u32(&a)?),
                IPSET_ATTR_ETHER => {
                    let have = a.bytes().len();
                    parts.mac = Some(Mac(*a.bytes().first_chunk().ok_or(Malformed::Short { want: 6, have })?));
                }
                IPSET_ATTR_IFACE => parts.iface = Some(a.text()),
                IPSET_ATTR_NAME => parts.name = Some(a.text()),
                IPSET_ATTR_CADT_FLAGS => parts.flags = value::u32(&a)?,
                IPSET_ATTR_TIMEOUT => timeout = Some(value::u32(&a)?),
                IPSET_ATTR_PACKETS => packets = Some(value::u64(&a)?),
                IPSET_ATTR_BYTES => bytes = Some(value::u64(&a)?),
                IPSET_ATTR_COMMENT => extra.comment = Some(a.text()),
                IPSET_ATTR_SKBMARK => {
                    let both = value::u64(&a)?;
                    extra.mark = Some(((both >> 32) as u32, both as u32));
                }
                IPSET_ATTR_SKBPRIO => extra.priority = Some(value::u32(&a)?),
                IPSET_ATTR_SKBQUEUE => extra.queue = Some(value::u16(&a)?),
                IPSET_ATTR_PAD => {}
                other => extra.unknown.push((other, a.bytes().to_vec())),
            }
        }
        if packets.is_some() || bytes.is_some() {
            extra.counters = Some((packets.unwrap_or(0), bytes.unwrap_or(0)));
        }
        let nomatch = parts.flags & IPSET_FLAG_NOMATCH != 0;
        let element = parts.element(kind).unwrap_or_else(|| Element::Unknown(attrs.as_bytes().to_vec()));
        Ok(Self { element, nomatch, timeout, extra: (extra != Extra::default()).then(|| Box::new(extra)) })
    }
}

/// What the attributes of an element say, before its type gives them an order.
#[derive(Default)]
struct Parts {
    ip: Option<IpAddr>,
    cidr: Option<u8>,
    ip2: Option<IpAddr>,
    cidr2: Option<u8>,
    port: Option<u16>,
    proto: Option<u8>,
    mark: Option<u32>,
    mac: Option<Mac>,
    iface: Option<Text>,
    name: Option<Text>,
    flags: u32,
}

impl Parts {
    fn element(self, kind: &Kind) -> Option<Element> {
        let port = || Some(Port { proto: self.proto?, port: self.port? });
        let net = || Net::new(self.ip?, self.cidr);
        let net2 = || Net::new(self.ip2?, self.cidr2);
        Some(match kind {
            Kind::BitmapIp | Kind::HashIp => Element::Ip(self.ip?),
            Kind::BitmapIpMac => Element::IpMac(self.ip?, self.mac),
            Kind::HashIpMac => Element::IpMac(self.ip?, Some(self.mac?)),
            Kind::HashMac => Element::Mac(self.mac?),
            Kind::BitmapPort => Element::Port(self.port?),
            Kind::HashIpMark => Element::IpMark(self.ip?, self.mark?),
            Kind::HashIpPort => Element::IpPort(self.ip?, port()?),
            Kind::HashIpPortIp => Element::IpPortIp(self.ip?, port()?, self.ip2?),
            Kind::HashIpPortNet => Element::IpPortNet(self.ip?, port()?, net2()?),
            Kind::HashNet => Element::Net(net()?),
            Kind::HashNetIface => Element::NetIface(
                net()?,
                Iface {
                    name: self.iface?,
                    physdev: self.flags & IPSET_FLAG_PHYSDEV != 0,
                    wildcard: self.flags & IPSET_FLAG_IFACE_WILDCARD != 0,
                },
            ),
            Kind::HashNetNet => Element::NetNet(net()?, net2()?),
            Kind::HashNetPort => Element::NetPort(net()?, port()?),
            Kind::HashNetPortNet => Element::NetPortNet(net()?, port()?, net2()?),
            Kind::ListSet => Element::Set(self.name?),
            Kind::Unknown(_) => return None,
        })
    }
}

impl Net {
    /// A network; without a prefix length a single host. `None` for a prefix longer than the address.
    pub fn new(address: IpAddr, prefix: Option<u8>) -> Option<Self> {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Self { address, prefix })
    }

    /// Is it a single host?
    pub fn is_host(&self) -> bool {
        self.prefix == if self.address.is_ipv4() { 32 } else { 128 }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}")
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
