//! Where the headers of a packet are, found the way the kernel finds them.

use super::checksum;
use super::packet::Packet;

/// IPv6 extension headers that may be skipped on the way to the transport header.
const HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTH: u8 = 51;
const NONE: u8 = 59;
const DEST: u8 = 60;

/// The network layer protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// IPv4.
    Ip4,
    /// IPv6.
    Ip6,
    /// ARP.
    Arp,
    /// Another Ethertype, in host order.
    Other(u16),
}

impl Network {
    /// From an Ethertype in host order.
    pub fn from_ethertype(t: u16) -> Self {
        match t {
            0x0800 => Self::Ip4,
            0x86dd => Self::Ip6,
            0x0806 => Self::Arp,
            t => Self::Other(t),
        }
    }

    /// The Ethertype in host order.
    pub fn ethertype(self) -> u16 {
        match self {
            Self::Ip4 => 0x0800,
            Self::Ip6 => 0x86dd,
            Self::Arp => 0x0806,
            Self::Other(t) => t,
        }
    }
}

/// The layout of one packet, from its network header on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers {
    /// The network layer.
    pub network: Network,
    /// The transport protocol (`IPPROTO_*`), where the network header says one.
    pub protocol: Option<u8>,
    /// The offset of the transport header from the network header. None: the packet is cut before it, or is malformed.
    pub transport: Option<usize>,
    /// The fragment offset in units of 8 bytes; a packet with one other than 0 has no transport header.
    pub fragment_offset: u16,
    /// Is it a fragment with more to come?
    pub more_fragments: bool,
    /// The length that the network header claims for the whole packet.
    pub total_length: usize,
}

impl Headers {
    /// Reads the headers of a packet that starts with its network header.
    pub fn parse(network: Network, bytes: &[u8]) -> Self {
        let none = Self {
            network,
            protocol: None,
            transport: None,
            fragment_offset: 0,
            more_fragments: false,
            total_length: bytes.len(),
        };
        match network {
            Network::Ip4 => parse_ip4(bytes).unwrap_or(none),
            Network::Ip6 => parse_ip6(bytes).unwrap_or(none),
            Network::Arp | Network::Other(_) => none,
        }
    }

    /// The transport protocol, if this packet carries the header of it (not a later fragment).
    pub fn first_fragment(&self) -> bool {
        self.fragment_offset == 0
    }
}

/// What makes the network layer drop a packet before any hook sees it (`ip_rcv_core`, `ip6_rcv_core`).
pub fn broken(packet: &Packet) -> Option<&'static str> {
    let h = packet.headers();
    match packet.network {
        Network::Ip4 => {
            let Some(at) = ip4_length(packet.bytes.range(0, 20).unwrap_or(&[])) else {
                return Some("broken IPv4 header");
            };
            if h.total_length > packet.length || h.total_length < at {
                return Some("IPv4 length field contradicts the packet");
            }
            let sum = packet.bytes.range(0, at).map(checksum::of);
            if sum.is_some_and(|s| s != 0) { Some("wrong IPv4 header checksum") } else { None }
        }
        Network::Ip6 if packet.bytes.range(0, 1).and_then(<[u8]>::first).is_none_or(|b| b >> 4 != 6) => {
            Some("broken IPv6 header")
        }
        // A payload length of 0 is a jumbogram's, or an empty packet's.
        Network::Ip6 if h.total_length > packet.length => Some("IPv6 length field contradicts the packet"),
        _ => None,
    }
}

/// The length of an IPv4 header, if there is one.
fn ip4_length(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    let length = usize::from(first & 0xf) * 4;
    (first >> 4 == 4 && length >= 20 && bytes.len() >= 20).then_some(length)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]))
}

fn parse_ip4(bytes: &[u8]) -> Option<Headers> {
    let first = *bytes.first()?;
    let header = usize::from(first & 0xf) * 4;
    if first >> 4 != 4 || header < 20 {
        return None;
    }
    let fragment = be16(bytes, 6)?;
    Some(Headers {
        network: Network::Ip4,
        protocol: Some(*bytes.get(9)?),
        transport: Some(header),
        fragment_offset: fragment & 0x1fff,
        more_fragments: fragment & 0x2000 != 0,
        total_length: usize::from(be16(bytes, 2)?),
    })
}

/// Follows the extension headers as `ipv6_find_hdr(…, -1, …)` does: to the first header that is not an extension.
fn parse_ip6(bytes: &[u8]) -> Option<Headers> {
    if bytes.first()? >> 4 != 6 {
        return None;
    }
    let mut h = Headers {
        network: Network::Ip6,
        protocol: None,
        transport: None,
        fragment_offset: 0,
        more_fragments: false,
        total_length: 40 + usize::from(be16(bytes, 4)?),
    };
    let mut next = *bytes.get(6)?;
    let mut at = 40usize;
    loop {
        match next {
            HOP | ROUTING | DEST | FRAGMENT | AUTH => {}
            _ => {
                h.protocol = Some(next);
                h.transport = (next != NONE).then_some(at);
                return Some(h);
            }
        }
        let (Some(&following), Some(&length)) = (bytes.get(at), bytes.get(at + 1)) else {
            return Some(h); // cut within the extension headers: the protocol is not known
        };
        if next == FRAGMENT {
            let Some(field) = be16(bytes, at + 2) else { return Some(h) };
            h.fragment_offset = field >> 3;
            h.more_fragments = field & 1 != 0;
            if h.fragment_offset != 0 || (h.more_fragments && following == FRAGMENT) {
                // The kernel stops here: what follows is the middle of something, or is looked at when all is there.
                h.protocol = Some(following);
                h.transport = None;
                return Some(h);
            }
        }
        at += match next {
            FRAGMENT => 8,
            AUTH => (usize::from(length) + 2) * 4,
            _ => (usize::from(length) + 1) * 8,
        };
        next = following;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip6_extension_headers_are_followed_and_a_later_fragment_has_no_transport() {
        let mut p = vec![0x60, 0, 0, 0, 0, 24, 0, 64];
        p.extend([0; 32]);
        p.extend([FRAGMENT, 0, 0, 0, 0, 0, 0, 0]); // hop-by-hop
        p.extend([17, 0, 0, 1, 0, 0, 0, 9]); // fragment, offset 0, more to come
        p.extend([0, 1, 0, 2, 0, 8, 0, 0]);
        let h = Headers::parse(Network::Ip6, &p);
        assert_eq!((h.protocol, h.transport, h.more_fragments), (Some(17), Some(56), true));
        p[51] = 8; // offset 1
        let h = Headers::parse(Network::Ip6, &p);
        assert_eq!((h.protocol, h.transport, h.fragment_offset), (Some(17), None, 1));
    }

    #[test]
    fn every_prefix_of_a_packet_parses_without_panic() {
        let p =
            [0x60, 0, 0, 0, 0, 24, 0, 64, 0x45, 0, 44, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 51, 255, 0, 0, 43, 1, 1, 1, 1];
        for n in 0..p.len() {
            for network in [Network::Ip4, Network::Ip6, Network::Arp, Network::Other(1)] {
                Headers::parse(network, &p[..n]);
            }
        }
    }
}
