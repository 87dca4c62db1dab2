//! What happens to a packet for this host between the last rule and its socket: the rest of its headers is looked at.

use crate::blame::CulpritKind;

use super::checksum;
use super::environment::Environment;
use super::fact::Fact;
use super::headers::Network;
use super::ip6;
use super::nat;
use super::obstacle::Obstacle;
use super::packet::Packet;

/// More bytes of padding than this are refused (`ip6_parse_tlv`, RFC 4942 section 2.1.9.5).
const MOST_PADDING: u8 = 7;

/// What makes the kernel throw a packet away that passed the input hook, before it looks for a socket. What cannot be told
/// for sure is no reason.
pub fn obstacle(packet: &Packet, env: &dyn Environment) -> Option<Obstacle> {
    let socket = |why| Obstacle::new(CulpritKind::Socket, why);
    if packet.network == Network::Ip6
        && let Some(lost) = extension(packet, env)
    {
        return Some(lost);
    }
    broken_transport(packet).map(socket)
}

/// An extension header that ends the way (`ipv6_destopt_rcv`, `ipv6_rthdr_rcv`, `xfrm6_rcv`).
fn extension(packet: &Packet, env: &dyn Environment) -> Option<Obstacle> {
    let socket = |why| Some(Obstacle::new(CulpritKind::Socket, why));
    let [mut next] = packet.array(6).known()?;
    let mut at = 40;
    while ip6::is_extension(next) && next != ip6::NONE {
        let [following, length, kind, left] = packet.array(at).known()?;
        let length = ip6::header_length(next, length);
        match (next, kind) {
            (ip6::DEST, _) if packet.read(at + 2, length - 2).known().is_some_and(|o| !options_are_right(o)) => {
                return socket("refused IPv6 destination options");
            }
            (ip6::AUTH, _) => {
                let lost = Obstacle::new(CulpritKind::Xfrm, "authentication header without a security association");
                return (env.under_ipsec() == Fact::Is(false)).then_some(lost);
            }
            (ip6::ROUTING, 3) => return None,
            (ip6::ROUTING, 4) => {
                let key = "net.ipv6.conf.all.seg6_enabled";
                return match env.sysctl(key) {
                    Fact::Is(v) if v.trim() == "0" => Some(Obstacle::sysctl(key, "0", "1")),
                    _ => None,
                };
            }
            (ip6::ROUTING, 2) => return None,
            (ip6::ROUTING, _) if left != 0 => return socket("IPv6 routing header with segments left"),
            _ => {}
        }
        at += length;
        next = following;
    }
    None
}

/// `ip6_parse_tlv`: options that must be understood are, and there is not too much padding.
fn options_are_right(mut options: &[u8]) -> bool {
    let mut padding = 0u8;
    while let Some((&kind, rest)) = options.split_first() {
        if kind == 0 {
            padding += 1;
            options = rest;
        } else {
            let Some((&length, rest)) = rest.split_first() else { return false };
            let Some((value, rest)) = rest.split_at_checked(length.into()) else { return false };
            options = rest;
            if kind == 1 {
                padding = padding.saturating_add(length).saturating_add(2);
                if value.iter().any(|b| *b != 0) {
                    return false;
                }
            } else {
                padding = 0;
                // The home address option is understood by some kernels; others are skipped or not, as they say themselves.
                if kind & 0xc0 != 0 && kind != 0xc9 {
                    return false;
                }
            }
        }
        if padding > MOST_PADDING {
            return false;
        }
    }
    true
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
                _ if !whole && claimed.is_some_and(|n| n != length) => return None,
                _ => {}
            }
        }
        (1, Network::Ip4) | (58, Network::Ip6) if length < 8 => return Some("broken ICMP header"),
        (1, Network::Ip4) | (58, Network::Ip6) => {}
        _ => return None,
    }
    let right = packet.summed.is_right(packet, protocol, at, length);
    let wrong = !right.unwrap_or_else(|| checksum::transport_is_right(packet, protocol, at) != Fact::Is(false));
    wrong.then_some("wrong checksum")
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

    #[test]
    fn padding_has_a_limit_and_unknown_options_say_themselves_what_is_done() {
        let why = |o: &[u8]| obstacle(&udp6(o), &Nowhere).and_then(|o| o.detail);
        assert_eq!(why(&[1, 4, 0, 0, 0, 0]), None);
        assert_eq!(why(&[1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Some("refused IPv6 destination options".into()));
        assert_eq!(why(&[0x1e, 4, 1, 2, 3, 4]), None);
        assert_eq!(why(&[0x5e, 4, 1, 2, 3, 4]), Some("refused IPv6 destination options".into()));
    }

    #[test]
    fn a_wrong_checksum_or_length_is_noticed() {
        let mut p = udp6(&[1, 4, 0, 0, 0, 0]);
        p.bytes[49] ^= 1;
        assert_eq!(obstacle(&p, &Nowhere).and_then(|o| o.detail).as_deref(), Some("wrong checksum"));
        p.bytes[53] = 200;
        assert_eq!(obstacle(&p, &Nowhere).and_then(|o| o.detail).as_deref(), Some("broken UDP header"));
    }
}
