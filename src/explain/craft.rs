//! Packets made from words: headers as a host of today would write them, with right checksums.

use std::net::IpAddr;

use super::question::Invalid;
use crate::evaluate::{Network, checksum, ip6};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const UDPLITE: u8 = 136;
const SYN: u8 = 0x02;

/// A packet to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Craft {
    /// `IPPROTO_*`
    pub protocol: u8,
    /// Source address.
    pub src: IpAddr,
    /// Destination address, of the same family.
    pub dst: IpAddr,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// TCP flags.
    pub flags: u8,
    /// ICMP type and code.
    pub icmp: (u8, u8),
    /// TTL or hop limit.
    pub ttl: u8,
    /// TOS or traffic class.
    pub tos: u8,
    /// The length from the network header on; none: what is usual.
    pub length: Option<usize>,
    /// What follows the transport header; without `length`, what is usual.
    pub payload: Option<Vec<u8>>,
    /// Bytes 4 to 8 of an ICMP message: an id and a sequence number, in those that have them.
    pub rest: [u8; 4],
}

impl Craft {
    /// A packet of a protocol between two ends, with usual values for the rest.
    pub fn new(protocol: u8, src: IpAddr, dst: IpAddr) -> Self {
        let icmp = if protocol == ICMPV6 { (128, 0) } else { (8, 0) };
        Self {
            protocol,
            src,
            dst,
            sport: 0,
            dport: 0,
            flags: SYN,
            icmp,
            ttl: 64,
            tos: 0,
            length: None,
            payload: None,
            rest: [0, 1, 0, 1],
        }
    }

    /// The same, an ICMP message without id.
    #[must_use]
    pub fn plain_icmp(self) -> Self {
        Self { rest: [0; 4], ..self }
    }

    /// Makes it.
    ///
    /// # Errors
    /// If the ends are of two families, the protocol is not of theirs, or the length does not hold the headers.
    pub fn make(&self) -> Result<(Network, Vec<u8>), Invalid> {
        let v6 = match (self.src, self.dst) {
            (IpAddr::V4(_), IpAddr::V4(_)) => false,
            (IpAddr::V6(_), IpAddr::V6(_)) => true,
            _ => return Err(Invalid::new("source and destination have to be of one family")),
        };
        if (self.protocol == ICMPV6 && !v6) || (self.protocol == ICMP && v6) {
            return Err(Invalid::new(if v6 {
                "ICMP is of IPv4: ask for icmp6"
            } else {
                "ICMPv6 is of IPv6: ask for icmp"
            }));
        }
        let header = if v6 { 40 } else { 20 };
        let (mut transport, usual) = self.transport();
        match (&self.payload, self.length) {
            (Some(payload), _) => transport.extend(payload),
            (None, Some(length)) => {
                let least = header + transport.len();
                if length < least || length > 65535 {
                    return Err(Invalid(format!(
                        "a length of {length} is not possible: its headers take {least} bytes, and it may have 65535"
                    )));
                }
                transport.resize(length - header, 0);
            }
            (None, None) => transport.resize(transport.len() + usual, 0),
        }
        let total = header + transport.len();
        if total > 65535 {
            return Err(Invalid(format!("a packet of {total} bytes is not possible")));
        }
        self.finish(&mut transport);
        let mut packet = if v6 { self.ip6(transport.len()) } else { self.ip4(total) };
        packet.extend(transport);
        Ok((if v6 { Network::Ip6 } else { Network::Ip4 }, packet))
    }

    /// The transport header, without its checksum, and how much usually follows it.
    fn transport(&self) -> (Vec<u8>, usize) {
        let ports = [self.sport.to_be_bytes(), self.dport.to_be_bytes()].concat();
        match self.protocol {
            TCP => {
                // What begins a connection carries options: MSS, SACK, timestamps, window scale.
                const OPTIONS: [u8; 20] = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
                let options: &[u8] = if self.flags & SYN != 0 && self.has_room(40) { &OPTIONS } else { &[] };
                let mut h = ports;
                h.extend([0, 0, 0, 1, 0, 0, 0, if self.flags & 0x10 != 0 { 1 } else { 0 }]);
                h.extend([(((20 + options.len()) / 4) << 4) as u8, self.flags, 0xfa, 0xf0, 0, 0, 0, 0]);
                h.extend(options);
                (h, 0)
            }
            UDP | UDPLITE => {
                let mut h = ports;
                h.extend([0; 4]);
                (h, 32)
            }
            SCTP => {
                // An INIT chunk.
                let mut h = ports;
                h.extend([0; 8]);
                h.extend([1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0xfa, 0xf0, 0, 10, 0, 10, 0, 0, 0, 1]);
                (h, 0)
            }
            ICMP | ICMPV6 => {
                let mut h = vec![self.icmp.0, self.icmp.1, 0, 0];
                h.extend(self.rest);
                (h, 56)
            }
            _ => (Vec::new(), 40),
        }
    }

    /// How many bytes, from the network header on, follow from what is told of it. What it carries is anybody's guess, and so
    /// are headers of protocols that are told by number only.
    pub fn told(&self) -> usize {
        let header = if self.dst.is_ipv6() { 40 } else { 20 };
        let is_extension = self.dst.is_ipv6() && ip6::is_extension(self.protocol);
        let payload = self.payload.as_ref().map_or(0, Vec::len);
        if is_extension { usize::MAX } else { header + self.transport().0.len() + payload }
    }

    /// Does a transport header of that length fit?
    fn has_room(&self, transport: usize) -> bool {
        let header = if self.dst.is_ipv6() { 40 } else { 20 };
        self.length.is_none_or(|l| l >= header + transport)
    }

    /// Fills in length and checksum of the transport header.
    fn finish(&self, transport: &mut [u8]) {
        let whole = transport.len() as u16;
        if self.protocol == UDP
            && let Some(field) = transport.get_mut(4..6)
        {
            field.copy_from_slice(&whole.to_be_bytes());
        }
        if self.protocol == SCTP {
            let sum = crc32c(transport);
            if let Some(field) = transport.get_mut(8..12) {
                field.copy_from_slice(&sum.to_le_bytes());
            }
            return;
        }
        let Some(at) = checksum::place(self.protocol).filter(|_| self.protocol != 33) else { return };
        let mut pseudo = Vec::new();
        if self.protocol != ICMP {
            match (self.src, self.dst) {
                (IpAddr::V4(s), IpAddr::V4(d)) => pseudo.extend([s.octets(), d.octets()].concat()),
                (IpAddr::V6(s), IpAddr::V6(d)) => pseudo.extend([s.octets(), d.octets()].concat()),
                _ => {}
            }
            pseudo.extend([0, self.protocol]);
            pseudo.extend(whole.to_be_bytes());
        }
        pseudo.extend_from_slice(transport);
        let mut sum = checksum::of(&pseudo);
        if sum == 0 && matches!(self.protocol, UDP | UDPLITE) {
            sum = 0xffff;
        }
        if let Some(field) = transport.get_mut(at..at + 2) {
            field.copy_from_slice(&sum.to_be_bytes());
        }
    }

    fn ip4(&self, total: usize) -> Vec<u8> {
        let mut h = vec![0x45, self.tos];
        h.extend((total as u16).to_be_bytes());
        // Not to be fragmented, as path MTU discovery has it; pings and others are.
        let fragment = if matches!(self.protocol, TCP | UDP) { 0x40 } else { 0 };
        h.extend([0, 1, fragment, 0, self.ttl, self.protocol, 0, 0]);
        for end in [self.src, self.dst] {
            if let IpAddr::V4(a) = end {
                h.extend(a.octets());
            }
        }
        let sum = checksum::of(&h);
        if let Some(field) = h.get_mut(10..12) {
            field.copy_from_slice(&sum.to_be_bytes());
        }
        h
    }

    fn ip6(&self, payload: usize) -> Vec<u8> {
        let mut h = (0x6000_0000 | u32::from(self.tos) << 20).to_be_bytes().to_vec();
        h.extend((payload as u16).to_be_bytes());
        h.extend([self.protocol, self.ttl]);
        for end in [self.src, self.dst] {
            if let IpAddr::V6(a) = end {
                h.extend(a.octets());
            }
        }
        h
    }
}

/// The checksum of SCTP (RFC 9260, Castagnoli's polynomial).
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{Fact, Packet, headers};

    #[test]
    fn packets_have_right_checksums_and_lengths() -> Result<(), Invalid> {
        let ends: [(IpAddr, IpAddr); 2] = [
            ([192, 0, 2, 2].into(), [192, 0, 2, 1].into()),
            ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()),
        ];
        for (src, dst) in ends {
            for protocol in [TCP, UDP, if src.is_ipv4() { ICMP } else { ICMPV6 }] {
                for length in [None, Some(91), Some(1500)] {
                    let craft = Craft { sport: 4242, dport: 80, length, ..Craft::new(protocol, src, dst) };
                    let (network, bytes) = craft.make()?;
                    assert!(length.is_none_or(|l| l == bytes.len()));
                    let p = Packet::new(network, bytes);
                    let at = p.headers().transport.unwrap_or(0);
                    assert_eq!(checksum::transport_is_right(&p, protocol, at), Fact::Is(true), "{protocol} {length:?}");
                    assert_eq!(headers::broken(&p), None);
                    assert_eq!(p.length, p.bytes.len());
                }
            }
        }
        let short = Craft { length: Some(40), ..Craft::new(TCP, ends[0].0, ends[0].1) };
        assert_eq!(short.make()?.1.len(), 40);
        assert!(Craft { length: Some(39), ..short }.make().is_err());
        assert!(Craft::new(TCP, ends[0].0, ends[1].1).make().is_err());
        assert!(Craft::new(ICMP, ends[1].0, ends[1].1).make().is_err());
        assert!(Craft { length: Some(65536), ..Craft::new(UDP, ends[0].0, ends[0].1) }.make().is_err());
        Ok(())
    }

    #[test]
    fn the_checksum_of_sctp_is_that_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
