//! A filter applied to a packet in user space.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::evaluate::headers::{Headers, Network};

use super::expr::{Direction, Expr, Net, Primitive, WITH_PORTS};

/// What of a packet a filter looks at, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    network: Network,
    header: &'a [u8],
    protocol: Option<u8>,
    /// Where the ports are; none: a later fragment, or cut before it.
    transport: Option<&'a [u8]>,
}

impl<'a> Subject<'a> {
    /// A packet from its network header on, possibly cut.
    pub fn new(network: Network, bytes: &'a [u8]) -> Self {
        let h = Headers::parse(network, bytes);
        let transport = h.transport.filter(|_| h.first_fragment()).and_then(|at| bytes.get(at..));
        Self { network, header: bytes, protocol: h.protocol, transport }
    }

    /// The beginnings of the network and the transport header, as trace records carry them.
    pub fn of_headers(network: Network, header: &'a [u8], transport: &'a [u8]) -> Self {
        let h = Headers::parse(network, header);
        let transport = Some(transport).filter(|t| !t.is_empty() && h.first_fragment());
        Self { network, header, protocol: h.protocol, transport }
    }

    fn is(&self, net: Net) -> bool {
        self.network
            == match net {
                Net::Ip => Network::Ip4,
                Net::Ip6 => Network::Ip6,
                Net::Arp => Network::Arp,
            }
    }

    fn protocol_is(&self, over: Option<Net>, number: u8) -> Option<bool> {
        let right = over.map_or(self.is(Net::Ip) || self.is(Net::Ip6), |net| self.is(net));
        if right { self.protocol.map(|p| p == number) } else { Some(false) }
    }

    /// Where source and destination address are.
    fn addresses(&self, within: Option<Net>, v6: bool) -> Option<(usize, usize)> {
        let want = |net| within.is_none_or(|w| w == net) && self.is(net);
        if v6 {
            return want(Net::Ip6).then_some((8, 24));
        }
        if want(Net::Ip) {
            return Some((12, 16));
        }
        want(Net::Arp).then_some((14, 24))
    }

    fn address_in(&self, within: Option<Net>, direction: Direction, prefix: &IpNet) -> Option<bool> {
        let Some((source, destination)) = self.addresses(within, matches!(prefix, IpNet::V6(_))) else {
            return Some(false);
        };
        if self.is(Net::Arp) && self.header.get(2..6)? != ARP_ETHERNET_IPV4 {
            return Some(false);
        }
        let inside = |at: usize| match prefix {
            IpNet::V4(net) => Some(net.contains(&Ipv4Addr::from(self.array(at)?))),
            IpNet::V6(net) => Some(net.contains(&Ipv6Addr::from(self.array(at)?))),
        };
        direction.ask(|| inside(source), || inside(destination))
    }

    fn port_in(&self, protocol: Option<u8>, direction: Direction, ports: (u16, u16)) -> Option<bool> {
        if !(self.is(Net::Ip) || self.is(Net::Ip6)) {
            return Some(false);
        }
        let actual = self.protocol?;
        if !protocol.map_or(WITH_PORTS.contains(&actual), |p| p == actual) {
            return Some(false);
        }
        let port = |at: usize| {
            let b = self.transport?.get(at..at + 2)?;
            Some((ports.0..=ports.1).contains(&u16::from_be_bytes([b[0], b[1]])))
        };
        direction.ask(|| port(0), || port(2))
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.header.get(at..)?.first_chunk().copied()
    }
}

/// Protocol type IPv4, hardware address length 6, protocol address length 4.
pub(super) const ARP_ETHERNET_IPV4: [u8; 4] = [8, 0, 6, 4];

impl Direction {
    fn ask(self, source: impl Fn() -> Option<bool>, destination: impl Fn() -> Option<bool>) -> Option<bool> {
        match self {
            Self::Source => source(),
            Self::Destination => destination(),
            Self::Either => any([source(), destination()]),
            Self::Both => all([source(), destination()]),
        }
    }
}

impl Expr {
    /// Is it true for a packet? None: unknown.
    pub fn matches(&self, s: &Subject<'_>) -> Option<bool> {
        match self {
            Self::All(list) => all(list.iter().map(|e| e.matches(s))),
            Self::Any(list) => any(list.iter().map(|e| e.matches(s))),
            Self::Not(e) => e.matches(s).map(|b| !b),
            Self::Is(p) => match *p {
                Primitive::Network(net) => Some(s.is(net)),
                Primitive::Protocol { over, number } => s.protocol_is(over, number),
                Primitive::Address { within, direction, ref prefix } => s.address_in(within, direction, prefix),
                Primitive::Port { protocol, direction, first, last } => s.port_in(protocol, direction, (first, last)),
            },
        }
    }
}

/// False if one is false, else unknown if one is unknown.
fn all(answers: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    answers
        .into_iter()
        .try_fold(Some(true), |sum, a| match a {
            Some(false) => Err(()),
            Some(true) => Ok(sum),
            None => Ok(None),
        })
        .unwrap_or(Some(false))
}

/// True if one is true, else unknown if one is unknown.
fn any(answers: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    all(answers.into_iter().map(|a| a.map(|b| !b))).map(|b| !b)
}
