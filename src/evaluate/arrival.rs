//! What happens to a packet for this host between the last rule and its socket: the rest of its headers is looked at.

use crate::blame::CulpritKind;

use super::checksum;
use super::decision::RejectWith;
use super::environment::Environment;
use super::fact::Fact;
use super::headers::Network;
use super::ip6;
use super::ip6_options::{self, Header};
use super::nat;
use super::obstacle::Obstacle;
use super::packet::Packet;
use super::summed::Summed;

/// `PACKET_HOST` (include/uapi/linux/if_packet.h).
const FOR_US: u8 = 0;

/// What becomes of a packet that passed the input hook, before the kernel looks for a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// It is lost.
    Lost(Obstacle),
    /// It is lost, and its sender is told unless the kernel knows the header: the question is whether it does.
    Unless(Obstacle, &'static str),
    /// It depends on what nothing tells.
    Open(&'static str),
}

/// What ends the way of a packet here. What cannot be told of its transport header is no reason.
pub fn ended(packet: &Packet, env: &dyn Environment) -> Option<Arrival> {
    if packet.network == Network::Ip6
        && let Some(end) = extension(packet, env)
    {
        return Some(end);
    }
    broken_transport(packet).map(|why| Arrival::Lost(Obstacle::new(CulpritKind::Socket, why)))
}

/// An extension header that ends the way (`ipv6_destopt_rcv`, `ipv6_rthdr_rcv`, `xfrm6_rcv`).
fn extension(packet: &Packet, env: &dyn Environment) -> Option<Arrival> {
    let many = packet.addresses().is_some_and(|(_, to)| to.first() == Some(&0xff));
    let [mut next] = packet.array(6).known()?;
    let mut at = 40;
    while ip6::is_extension(next) && next != ip6::NONE {
        let [following, length, kind, left] = packet.array(at).known()?;
        let length = ip6::header_length(next, length);
        match (next, kind) {
            (ip6::DEST, _) => {
                let options = packet.read(at + 2, length - 2).known().unwrap_or(&[]);
                if let Some(refused) = ip6_options::refused(Header::Destination, options, many) {
                    let lost = because("refused IPv6 destination options", refused.told);
                    return Some(Arrival::Lost(Obstacle { tells_of_many: true, ..lost }));
                }
            }
            (ip6::HOP, _) if at != 40 => {
                return Some(Arrival::Lost(because("IPv6 hop-by-hop header behind another", true)));
            }
            (ip6::AUTH, _) if env.under_ipsec() == Fact::Is(false) => {
                let lost = Obstacle::new(CulpritKind::Xfrm, "authentication header without a security association");
                return Some(Arrival::Unless(lost, "whether this kernel has code for the authentication header"));
            }
            (ip6::AUTH, _) => return Some(Arrival::Open("whether its authentication header is accepted")),
            (ip6::ROUTING, _) if many || matches!(packet.pkttype, Fact::Is(kind) if kind != FOR_US) => {
                return Some(Arrival::Lost(because("IPv6 routing header in what is for many", false)));
            }
            (ip6::ROUTING, 3) => return Some(segments(packet, env, "rpl_seg_enabled")),
            (ip6::ROUTING, 4) => return Some(segments(packet, env, "seg6_enabled")),
            (ip6::ROUTING, 2) if left != 0 => {
                let lost = because("IPv6 routing header of mobility", false);
                return Some(Arrival::Unless(lost, "whether this kernel has code for mobile IPv6"));
            }
            (ip6::ROUTING, _) if left != 0 => {
                let for_us = packet.pkttype == Fact::Is(FOR_US);
                return Some(Arrival::Lost(because("IPv6 routing header with segments left", for_us)));
            }
            _ => {}
        }
        at += length;
        next = following;
    }
    None
}

/// Segment routing, which both the setting of all interfaces and that of its own have to allow.
fn segments(packet: &Packet, env: &dyn Environment, setting: &str) -> Arrival {
    let name = packet.iif.value().and_then(|d| d.name.value()?.as_str());
    for who in [Some("all"), name] {
        let Some(who) = who else { return Arrival::Open("interface that the packet came in by") };
        let key = format!("net.ipv6.conf.{}.{setting}", who.replace('.', "/"));
        match env.sysctl(&key) {
            Fact::Is(v) if v.trim() == "0" => return Arrival::Lost(Obstacle::sysctl(key, "0", "1")),
            Fact::Is(_) => {}
            Fact::Absent | Fact::Unknown(_) => return Arrival::Open("whether segment routing is on"),
        }
    }
    Arrival::Open("where its segments lead")
}

/// Refused, with or without a word to the sender.
fn because(why: &'static str, told: bool) -> Obstacle {
    let lost = Obstacle::new(CulpritKind::Socket, why);
    if told { lost.told(problem()) } else { lost }
}

/// What the sender of a header is told that is not understood.
pub fn problem() -> RejectWith {
    RejectWith::Icmp("icmp6-parameter-problem".into())
}

/// What makes a protocol throw a packet away that reached this host, before it looks for a socket (`udp_rcv`, `tcp_v4_rcv`,
/// `icmp_rcv` and their like in IPv6). What cannot be told for sure is no reason.
fn broken_transport(packet: &Packet) -> Option<&'static str> {
    let (protocol, at) = nat::transport(packet)?;
    let end = match packet.network {
        Network::Ip4 => packet.headers().total_length.min(packet.length),
        _ => packet.length,
    };
    let length = end.checked_sub(at)?;
    let be = |at| packet.array::<2>(at).known().map(u16::from_be_bytes);
    match (protocol, packet.network) {
        (6, _) => {
            let claimed = packet.array::<1>(at + 12).known().map(|[b]| usize::from(b >> 4) * 4);
            if length < 20 || claimed.is_some_and(|n| n < 20 || n > length) {
                return Some("broken TCP header");
            }
        }
        (17, network) => {
            let claimed = be(at + 4).map(usize::from);
            // In IPv6 a length of 0 is a jumbogram's.
            let whole = network == Network::Ip6 && claimed == Some(0);
            if length < 8 || (!whole && claimed.is_some_and(|n| n < 8 || n > length)) {
                return Some("broken UDP header");
            }
            match (be(at + 6), network) {
                (Some(0), Network::Ip6) => return Some("UDP without a checksum"),
                (Some(0), _) => return None,
                // Nobody has summed it up before: the socket does, without what lies behind its length (`__udp4_lib_rcv`).
                _ if !whole && claimed.is_some_and(|n| n != length) && packet.summed == Summed::Not => {
                    let right = checksum::is_right_over(packet, protocol, at, claimed?);
                    return (right == Fact::Is(false)).then_some("wrong checksum");
                }
                _ if !whole && claimed.is_some_and(|n| n != length) => return None,
                _ => {}
            }
        }
        // What is not covered may be broken (`udplite_checksum_init`).
        (136, _) => {
            let covered = match be(at + 4).map(usize::from) {
                _ if length < 8 => return Some("broken UDP-Lite header"),
                Some(0) => length,
                Some(n) if (8..=length).contains(&n) => n,
                Some(_) => return Some("broken UDP-Lite coverage"),
                None => return None,
            };
            if be(at + 6) == Some(0) {
                return Some("UDP-Lite without a checksum");
            }
            let right = checksum::udplite_is_right(packet, at, covered, length);
            return (right == Fact::Is(false)).then_some("wrong checksum");
        }
        (1, Network::Ip4) | (58, Network::Ip6) if length < 8 => return Some("broken ICMP header"),
        (1, Network::Ip4) | (58, Network::Ip6) => {}
        _ => return None,
    }
    let right = packet.summed.is_right(packet, protocol, at, length);
    let wrong = !right.unwrap_or_else(|| checksum::transport_is_right(packet, protocol, at) != Fact::Is(false));
    wrong.then_some("wrong checksum")
}

/// Does the checksum of a UDP-Lite packet cover only a part of it? Its socket may want more.
pub fn is_covered_in_part(packet: &Packet) -> bool {
    let Some((136, at)) = nat::transport(packet) else { return false };
    let covered = packet.array::<2>(at + 4).known().map(u16::from_be_bytes).map(usize::from);
    covered.is_some_and(|n| n != 0 && at + n < packet.length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::environment::Nowhere;

    fn udp6(options: &[u8]) -> Packet {
        let mut b = vec![0x60, 0, 0, 0, 0, 8 + 2 + options.len() as u8, 60, 64];
        b.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        b.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        let at = b.len() + 2 + options.len();
        b.extend([17, (options.len() / 8) as u8]);
        b.extend(options);
        b.extend([0, 1, 0, 2, 0, 8, 0, 0]);
        let mut sum = b[8..40].to_vec();
        sum.extend([0, 0, 0, 8, 0, 0, 0, 17]);
        sum.extend(&b[at..]);
        let sum = checksum::of(&sum);
        b[at + 6..at + 8].copy_from_slice(&sum.to_be_bytes());
        Packet::new(Network::Ip6, b)
    }

    fn why(p: &Packet) -> Option<String> {
        match ended(p, &Nowhere) {
            Some(Arrival::Lost(o)) => o.detail,
            _ => None,
        }
    }

    #[test]
    fn only_what_udp_lite_covers_has_to_be_right() {
        let made = |covered: u16| {
            let mut b = vec![0x45, 0, 0, 32, 0, 0, 0, 0, 64, 136, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            b.extend([0, 1, 0, 2]);
            b.extend(covered.to_be_bytes());
            b.extend([0, 0, 1, 2, 3, 4]);
            let end = if covered == 0 { 12 } else { usize::from(covered).min(12) };
            let sum = checksum::of(&[&b[12..20], &[0, 136, 0, 12], &b[20..20 + end]].concat());
            b[26..28].copy_from_slice(&sum.to_be_bytes());
            Packet::new(Network::Ip4, b)
        };
        let changed = |mut p: Packet, at: usize| {
            p.bytes[at] ^= 1;
            p
        };
        for covered in [0, 8, 10, 12] {
            assert_eq!(why(&made(covered)), None, "{covered}");
            assert_eq!(why(&changed(made(covered), 21)).as_deref(), Some("wrong checksum"), "{covered}");
        }
        assert_eq!(why(&changed(made(10), 31)), None);
        assert_eq!(why(&changed(made(0), 31)).as_deref(), Some("wrong checksum"));
        assert!(is_covered_in_part(&made(10)) && !is_covered_in_part(&made(12)) && !is_covered_in_part(&made(0)));
        for covered in [7, 13] {
            assert_eq!(why(&made(covered)).as_deref(), Some("broken UDP-Lite coverage"), "{covered}");
        }
        let mut none = made(0);
        none.write(26, &[0, 0]);
        assert_eq!(why(&none).as_deref(), Some("UDP-Lite without a checksum"));
    }

    #[test]
    fn a_wrong_checksum_or_length_is_noticed() {
        let mut p = udp6(&[1, 4, 0, 0, 0, 0]);
        p.bytes[49] ^= 1;
        assert_eq!(why(&p).as_deref(), Some("wrong checksum"));
        p.bytes[53] = 200;
        assert_eq!(why(&p).as_deref(), Some("broken UDP header"));
    }
}
