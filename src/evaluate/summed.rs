//! What the kernel keeps of a sum once conntrack has looked at a packet's checksum (`skb->csum`, `CHECKSUM_COMPLETE`): it does
//! not sum the packet up again, but takes its headers out of that sum, as they are by then.

use super::checksum::{self, fold, sum};
use super::fact::Fact;
use super::headers::Network;
use super::packet::{CtState, Packet};

/// `LOOPBACK_IFINDEX`. What comes in there was tracked as it went out, without a look at its checksum.
const LOOPBACK: u32 = 1;
const UDP: u8 = 17;
/// `CHECKSUM_BREAK`: what is no longer is summed up again where what was kept says that it is wrong.
const SHORT: usize = 76;

/// What is known of a packet's sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summed {
    /// Nothing: whoever wants to know has to sum it up.
    #[default]
    Not,
    /// The checksum is left to the device that sends it out, and taken to be right (`CHECKSUM_PARTIAL`).
    Unfinished,
    /// What is missing in the header to make it right.
    Kept(u16),
}

impl Summed {
    /// When conntrack lets it pass as what it is, right or wrong.
    pub fn by_conntrack(packet: &Packet, protocol: u8, at: usize) -> Self {
        let comes_in = packet.iif.value().is_some_and(|d| d.index != LOOPBACK);
        let right = match packet.ct.state {
            Fact::Is(CtState::New | CtState::Established | CtState::Related) => true,
            Fact::Is(CtState::Invalid) => checksum::transport_is_right(packet, protocol, at) == Fact::Is(true),
            _ => false,
        };
        // Where there is none, none is looked at (`udp_error`).
        let none = protocol == UDP && packet.array(at + 6) == Fact::Is([0, 0]);
        if !comes_in || !right || none {
            Self::Not
        } else if checksum::is_unfinished(packet, protocol, at) {
            Self::Unfinished
        } else {
            covered(packet, at).map_or(Self::Not, |covered| Self::Kept(!covered))
        }
    }

    /// Bytes under the pseudo header were replaced, the checksum follows, and so does what is kept.
    pub fn follow(&mut self, old: &[u8], new: &[u8]) {
        if let Self::Kept(kept) = self {
            *kept = fold(u64::from(*kept) + u64::from(fold(sum(old))) + u64::from(!fold(sum(new))));
        }
    }

    /// Will the protocol that gets it, `length` bytes from `at` on, find it right? None: it sums it up.
    pub fn is_right(self, packet: &Packet, protocol: u8, at: usize, length: usize) -> Option<bool> {
        let kept = match self {
            Self::Not => return None,
            Self::Unfinished => return Some(true),
            Self::Kept(kept) => kept,
        };
        let now = covered(packet, at)?;
        if fold(u64::from(kept) + u64::from(now)) == 0xffff {
            return Some(true);
        }
        // TCP and ICMP sum it up then, and UDP what is short (`udp6_csum_init`).
        (protocol == UDP && length > SHORT).then_some(false)
    }
}

/// How the header counts in the sum of the transport's part and its pseudo header: IPv4's is 0 of itself, its addresses
/// come with the pseudo header. Of IPv6's it is taken out, all but the addresses, which come in again.
fn covered(packet: &Packet, at: usize) -> Option<u16> {
    match packet.network {
        Network::Ip4 => packet.read(12, 8).known().map(|addresses| fold(sum(addresses))),
        _ => {
            let (front, behind) = (packet.read(0, 8).known()?, packet.read(40, at.checked_sub(40)?).known()?);
            Some(!fold(sum(front) + sum(behind)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::packet::Device;

    /// A UDP packet in IPv6 that conntrack has let pass.
    fn tracked(payload: usize) -> Packet {
        let length = 8 + payload;
        let mut b = vec![0x60, 0, 0, 0, 0, length as u8, 17, 64];
        b.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        b.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        b.extend([7, 209, 0, 53, 0, length as u8, 0, 0]);
        b.resize(40 + length, 97);
        let pseudo = [&b[8..40], &[0, 0, 0, length as u8, 0, 0, 0, 17], &b[40..]].concat();
        let sum = checksum::of(&pseudo).to_be_bytes();
        b[46..48].copy_from_slice(&sum);
        let mut p = Packet::new(Network::Ip6, b);
        p.iif = Fact::Is(Device { index: 2, name: Fact::Absent });
        p.ct.state = Fact::Is(CtState::New);
        p.summed = Summed::by_conntrack(&p, UDP, 40);
        assert_eq!(p.summed.is_right(&p, UDP, 40, length), Some(true));
        p
    }

    #[test]
    fn a_traffic_class_that_changed_is_held_against_what_is_long() {
        for (payload, answer) in [(20, None), (80, Some(false))] {
            let mut p = tracked(payload);
            checksum::write_network(&mut p, 0, &[0x62, 0]);
            assert_eq!(p.summed.is_right(&p, UDP, 40, 8 + payload), answer);
            assert_eq!(p.summed.is_right(&p, 6, 40, 8 + payload), None, "TCP sums it up again");
        }
    }

    #[test]
    fn another_address_is_not_whether_or_not_the_checksum_followed() {
        let mut p = tracked(80);
        checksum::write_address(&mut p, 8, &[0xfd; 16]);
        assert_eq!(p.summed.is_right(&p, UDP, 40, 88), Some(true));
        p.write(24, &[0xfc; 16]);
        assert_eq!(p.summed.is_right(&p, UDP, 40, 88), Some(true));
    }
}
