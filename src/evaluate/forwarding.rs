//! What forwarding changes in a packet, before the forward hook sees it.

use super::checksum;
use super::environment::Environment;
use super::fact::Fact;
use super::headers::Network;
use super::packet::Packet;

/// `ip_tos2prio` (net/ipv4/route.c): `TC_PRIO_*` by the old four bits of the TOS.
const PRIORITIES: [u32; 16] = [0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4];

/// Takes one from the TTL or hop limit (`ip_decrease_ttl`), and sets the priority that goes with the TOS, as `ip_forward`
/// does unless it is told not to.
pub fn change(packet: &mut Packet, env: &dyn Environment) {
    match packet.network {
        Network::Ip4 => {
            if let Fact::Is([ttl, protocol]) = packet.array(8) {
                checksum::write_network(packet, 8, &[ttl.saturating_sub(1), protocol]);
            }
            // Kernels before 4.19 do not ask.
            match (env.sysctl("net.ipv4.ip_forward_update_priority"), packet.array(1)) {
                (Fact::Unknown(_), _) | (_, Fact::Unknown(_)) => packet.priority = Fact::unknown("packet priority"),
                (Fact::Is(off), _) if off.trim() == "0" => {}
                (_, Fact::Is([tos])) => {
                    packet.priority = PRIORITIES.get(usize::from(tos & 0x1e) >> 1).copied().into();
                }
                (_, Fact::Absent) => {}
            }
        }
        Network::Ip6 => {
            if let Fact::Is([limit]) = packet.array(7) {
                packet.write(7, &[limit.saturating_sub(1)]);
            }
        }
        Network::Arp | Network::Other(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;

    #[test]
    fn the_ttl_falls_and_the_header_stays_right() {
        let mut b = vec![0x45, 0x10, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 2, 10, 0, 5, 2];
        let sum = checksum::of(&b);
        b[10..12].copy_from_slice(&sum.to_be_bytes());
        let mut p = Packet::new(Network::Ip4, b);
        let mut host = FakeHost::new();
        host.set("net.ipv4.ip_forward_update_priority", 0);
        change(&mut p, &host);
        assert_eq!((p.bytes[8], checksum::of(&p.bytes)), (63, 0));
        assert!(p.priority.is_unknown(), "it stays what it was");
        host.set("net.ipv4.ip_forward_update_priority", 1);
        change(&mut p, &host);
        assert_eq!(p.priority, Fact::Is(6), "TOS 0x10, minimum delay, is interactive");
    }
}
