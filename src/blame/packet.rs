//! A packet as a blame shows it: the fields that people and their queries know by name.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use crate::evaluate::Fact;
use crate::evaluate::headers::{Headers, Network};
use crate::evaluate::packet::{Device, Packet};

/// The packet of a blame. Names after OpenTelemetry where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct PacketFields {
    /// `ip`, `ip6`, `arp` or the Ethertype in hex.
    pub family: String,
    /// The hook at which the evidence saw it.
    pub hook: Option<&'static str>,
    /// The interface it came in by.
    pub iif: Option<String>,
    /// The interface it goes out by.
    pub oif: Option<String>,
    /// The bridge port it came in by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physin: Option<String>,
    /// The bridge port it goes out by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physout: Option<String>,
    /// `tcp`, `udp`, `icmp`, `icmp6`, … or the protocol's number.
    #[serde(rename = "network.transport")]
    pub transport: Option<String>,
    /// The source address.
    #[serde(rename = "source.address")]
    pub source: Option<IpAddr>,
    /// The source port.
    #[serde(rename = "source.port")]
    pub source_port: Option<u16>,
    /// The destination address.
    #[serde(rename = "destination.address")]
    pub destination: Option<IpAddr>,
    /// The destination port.
    #[serde(rename = "destination.port")]
    pub destination_port: Option<u16>,
    /// ICMP or ICMPv6 type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_type: Option<u8>,
    /// ICMP or ICMPv6 code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_code: Option<u8>,
    /// The TCP flags: `"syn"`, `"syn,ack"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_flags: Option<String>,
    /// Bytes from the network header on.
    pub length: usize,
    /// `skb->mark`.
    pub mark: Option<u32>,
    /// Conntrack's view of it.
    pub ct_state: Option<&'static str>,
    /// The log prefix, where a rule logged it.
    pub prefix: Option<String>,
    /// The NFLOG group, where a rule logged it.
    pub group: Option<u16>,
    /// The sending socket's user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The sending socket's group id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// The source MAC address, where the packet came in by Ethernet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The VLAN id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
}

impl PacketFields {
    /// The fields of a packet in its present state.
    pub fn of(p: &Packet) -> Self {
        let device = |d: &Fact<Device>| d.value().map(device_name);
        let mut fields = Self {
            family: family(p.network),
            hook: None,
            iif: device(&p.iif),
            oif: device(&p.oif),
            physin: device(&p.physin),
            physout: device(&p.physout),
            mark: p.mark.value().copied(),
            ct_state: p.ct.state.value().map(|s| s.name()),
            prefix: None,
            group: None,
            uid: p.owner.value().and_then(|o| o.uid),
            gid: p.owner.value().and_then(|o| o.gid),
            mac: p.link.value().filter(|l| l.len() >= 14).and_then(|l| l.get(6..12)).map(mac),
            vlan: p.vlan.value().map(|v| v.0 & 0xfff),
            ..Self::default()
        };
        fields.read(p.network, p.bytes.shown());
        fields.length = p.length;
        // What NAT chose is not in the bytes.
        if !p.blurred.is_empty() && p.addresses().is_none() {
            (fields.source, fields.destination) = (None, None);
        }
        if !p.blurred.is_empty() && p.ports().is_none() {
            (fields.source_port, fields.destination_port) = (None, None);
        }
        fields
    }

    /// Reads the fields that are in the bytes of a packet, from its network header on.
    pub fn read(&mut self, network: Network, bytes: &[u8]) {
        let h = Headers::parse(network, bytes);
        self.length = h.total_length.max(bytes.len());
        let addresses = match network {
            Network::Ip4 => bytes.get(12..16).zip(bytes.get(16..20)),
            Network::Ip6 => bytes.get(8..24).zip(bytes.get(24..40)),
            // Who asks or answers, and who is asked or answered, in IPv4 over Ethernet.
            Network::Arp if bytes.get(2..6) == Some(&[8, 0, 6, 4]) => bytes.get(14..18).zip(bytes.get(24..28)),
            _ => None,
        };
        self.source = addresses.and_then(|a| address(a.0));
        self.destination = addresses.and_then(|a| address(a.1));
        let transport = h.transport.filter(|_| h.first_fragment()).and_then(|at| bytes.get(at..)).unwrap_or(&[]);
        let port = |at: usize| {
            let with_ports = matches!(h.protocol, Some(6 | 17 | 33 | 132 | 136));
            transport.get(at..at + 2).filter(|_| with_ports).map(|b| u16::from_be_bytes([b[0], b[1]]))
        };
        (self.source_port, self.destination_port) = (port(0), port(2));
        let icmp = matches!((network, h.protocol), (Network::Ip4, Some(1)) | (Network::Ip6, Some(58)));
        self.icmp_type = transport.first().copied().filter(|_| icmp);
        self.icmp_code = transport.get(1).copied().filter(|_| icmp);
        self.tcp_flags = transport.get(13).filter(|_| h.protocol == Some(6)).map(|&f| tcp_flags(f));
        // Mostly it is what it was.
        let transport = h.protocol.map(|n| protocol_name(network, n));
        if self.transport.as_deref() != transport.as_deref() {
            self.transport = transport.map(Cow::into_owned);
        }
    }
}

/// A device's name, escaped, or its index where the name is not known.
pub fn device_name(d: &Device) -> String {
    match &d.name {
        Fact::Is(n) => n.to_string(),
        _ => format!("if{}", d.index),
    }
}

/// Four or sixteen bytes as an address.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(b) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(b).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|b| Ipv6Addr::from(b).into())
}

/// An address that no router of the Internet knows a way to (RFC 1918, RFC 3927, RFC 4193, RFC 6598).
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => a.is_private() || a.is_link_local() || (a.octets()[0] == 100 && a.octets()[1] & 0xc0 == 64),
        IpAddr::V6(a) => a.is_unique_local(),
    }
}

fn family(network: Network) -> String {
    match network {
        Network::Ip4 => "ip".into(),
        Network::Ip6 => "ip6".into(),
        Network::Arp => "arp".into(),
        Network::Other(t) => format!("0x{t:04x}"),
    }
}

/// The name of a transport protocol, or its number.
pub fn protocol_name(network: Network, number: u8) -> Cow<'static, str> {
    match (network, number) {
        (Network::Ip4, 1) => "icmp",
        (_, 2) => "igmp",
        (_, 6) => "tcp",
        (_, 17) => "udp",
        (_, 33) => "dccp",
        (_, 47) => "gre",
        (_, 50) => "esp",
        (_, 51) => "ah",
        (Network::Ip6, 58) => "icmp6",
        (_, 132) => "sctp",
        (_, 136) => "udplite",
        (_, n) => return n.to_string().into(),
    }
    .into()
}

/// The TCP flags by name, in the order of the header from the low bit.
pub fn tcp_flags(byte: u8) -> String {
    let names = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];
    let set: Vec<_> = names.iter().enumerate().filter(|(i, _)| byte & 1 << i != 0).map(|(_, n)| *n).collect();
    set.join(",")
}

fn mac(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":")
}
