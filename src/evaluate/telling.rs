//! Of which packets a sender is told nothing, whatever becomes of them (`__icmp_send`, `icmp6_send`).

use super::decision::RejectWith;
use super::fact::Fact;
use super::headers::Network;
use super::packet::Packet;

/// `PACKET_HOST` (include/uapi/linux/if_packet.h).
const FOR_US: u8 = 0;
/// `RTN_BROADCAST`, `RTN_MULTICAST`.
const TO_MANY: [u8; 2] = [3, 5];
/// The errors among the messages of ICMP.
const ERRORS: [u8; 5] = [3, 4, 5, 11, 12];

/// Is it certain that no ICMP message tells of this packet? `options`: it would be about options of IPv6, of which also
/// those who send to many are told.
pub fn is_untold(packet: &Packet, with: &RejectWith, options: bool) -> bool {
    if *with == RejectWith::TcpReset {
        return false;
    }
    let h = packet.headers();
    let message = |protocol| {
        let at = h.transport.filter(|_| h.protocol == Some(protocol) && h.first_fragment())?;
        packet.array::<1>(at).known().map(|[kind]| kind)
    };
    let Some((from, to)) = packet.addresses() else { return false };
    match packet.network {
        Network::Ip4 => {
            let many = to.first().is_some_and(|b| *b >= 224 && *b < 240) || to == [255; 4];
            many || packet.route.value().is_some_and(|r| TO_MANY.contains(&r.kind))
                || matches!(packet.pkttype, Fact::Is(kind) if kind != FOR_US)
                || h.fragment_offset != 0
                || message(1).is_some_and(|kind| ERRORS.contains(&kind))
        }
        Network::Ip6 => {
            let too_big = matches!(with, RejectWith::Icmp(word) if word == "icmp6-packet-too-big");
            let many = to.first() == Some(&0xff);
            (many && !too_big && !options)
                || from.first() == Some(&0xff)
                || from.iter().all(|b| *b == 0)
                || message(58).is_some_and(|kind| kind < 128)
        }
        Network::Arp | Network::Other(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip4(to: [u8; 4], protocol: u8, first: u8) -> Packet {
        let mut b = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 2];
        b.extend(to);
        b.extend([first, 0, 0, 0, 0, 0, 0, 0]);
        Packet::new(Network::Ip4, b)
    }

    #[test]
    fn nobody_is_told_of_errors_and_of_what_goes_to_many() {
        let with = RejectWith::Icmp("icmp-port-unreachable".into());
        let untold = |p: &Packet| is_untold(p, &with, false);
        assert!(!untold(&ip4([10, 0, 0, 1], 17, 3)));
        assert!(!untold(&ip4([10, 0, 0, 1], 1, 8)));
        assert!(untold(&ip4([10, 0, 0, 1], 1, 3)));
        assert!(untold(&ip4([224, 0, 0, 1], 17, 3)));
        let mut later = ip4([10, 0, 0, 1], 17, 3);
        later.write(6, &[0, 9]);
        assert!(untold(&later) && !is_untold(&later, &RejectWith::TcpReset, false));
    }
}
