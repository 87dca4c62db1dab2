//! How a packet is rewritten (`nf_nat_manip_pkt`).

use std::net::IpAddr;

use crate::evaluate::checksum;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::packet::Packet;
use crate::sys::ct::Tuple;

use super::{DCCP, GRE, ICMP, ICMPV6, Manip, SCTP, TCP, UDP, UDPLITE, address, has_id, octets, port_of, transport};

/// Rewrites one end of a packet, checksums included. What is unknown is blurred.
///
/// `port` is the new port or ICMP id; protocols without either ignore it.
pub fn rewrite(packet: &mut Packet, manip: Manip, to: Fact<IpAddr>, port: Fact<u16>) {
    let at = match (packet.network, manip) {
        (Network::Ip4, Manip::Source) => 12,
        (Network::Ip4, Manip::Destination) => 16,
        (Network::Ip6, Manip::Source) => 8,
        (Network::Ip6, Manip::Destination) => 24,
        _ => return,
    };
    let width = if packet.network == Network::Ip4 { 4 } else { 16 };
    if let Some((protocol, header)) = transport(packet) {
        let place = match protocol {
            TCP | UDP | UDPLITE | SCTP | DCCP => Some(header + if manip == Manip::Source { 0 } else { 2 }),
            ICMP | ICMPV6 => match packet.array::<1>(header) {
                Fact::Is([kind]) if has_id(protocol, kind) => Some(header + 4),
                _ => None,
            },
            _ => None,
        };
        if let Some(place) = place {
            match port {
                Fact::Is(port) => {
                    checksum::write_transport(packet, protocol, header, place, &port.to_be_bytes());
                }
                Fact::Absent => {}
                Fact::Unknown(_) => {
                    packet.blurred.push(place..place + 2);
                    blur_checksum(packet, protocol, header);
                }
            }
        }
        if protocol == SCTP {
            packet.blurred.push(header + 8..header + 12);
        }
        if to.is_unknown() {
            blur_checksum(packet, protocol, header);
        }
    }
    match to {
        Fact::Is(to) => {
            let (bytes, n) = octets(to);
            if n == width {
                checksum::write_address(packet, at, bytes.get(..n).unwrap_or(&[]));
            }
        }
        Fact::Absent => {}
        Fact::Unknown(_) => {
            packet.blurred.push(at..at + width);
            if packet.network == Network::Ip4 {
                packet.blurred.push(10..12);
            }
        }
    }
}

/// Why `gre_manip_pkt` gives a packet up, if it does. In the other protocols, what is shorter than its header is not
/// tracked, and so not translated.
pub fn untranslatable(packet: &Packet, manip: Manip) -> Option<&'static str> {
    let Some((GRE, at)) = transport(packet) else { return None };
    if packet.length < at + 8 {
        return Some("too short to be translated");
    }
    let version = packet.array::<2>(at).known()?[1] & 7;
    (manip == Manip::Destination && version > 1).then_some("a version of GRE that cannot be translated")
}

fn blur_checksum(packet: &mut Packet, protocol: u8, header: usize) {
    if let Some(at) = checksum::place(protocol) {
        packet.blurred.push(header + at..header + at + 2);
    }
}

/// Rewrites one end of a packet to what a tuple has there (`nf_nat_manip_pkt`).
pub fn rewrite_to(packet: &mut Packet, manip: Manip, target: &Tuple) {
    let to = match manip {
        Manip::Source => target.src,
        Manip::Destination => target.dst,
    };
    rewrite(packet, manip, Fact::Is(to), port_of(target, manip).into());
}

/// One end of a packet as people write it: `10.0.5.2:80`, and a question mark for what NAT chose.
pub fn end_of(packet: &Packet, manip: Manip) -> String {
    let pick = |(source, destination): (IpAddr, IpAddr)| if manip == Manip::Source { source } else { destination };
    let ends = packet.addresses().and_then(|(s, d)| Some((address(s)?, address(d)?)));
    let port = match packet.ports() {
        Some((source, destination)) => format!(":{}", if manip == Manip::Source { source } else { destination }),
        None if transport(packet).is_some_and(|(p, _)| matches!(p, TCP | UDP | UDPLITE | SCTP | DCCP)) => ":?".into(),
        None => String::new(),
    };
    match ends.map(pick) {
        Some(IpAddr::V6(a)) if !port.is_empty() => format!("[{a}]{port}"),
        Some(a) => format!("{a}{port}"),
        None => format!("?{port}"),
    }
}
