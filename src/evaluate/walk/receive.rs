//! What the network layer itself looks at in a packet that comes in, and the gathering of fragments.

use crate::blame::CulpritKind;
use crate::evaluate::decision::RejectWith;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::{self, Network};
use crate::evaluate::ip6;
use crate::evaluate::ip6_options::{self, Header, Refused};
use crate::evaluate::obstacle::Obstacle;
use crate::evaluate::packet::{CtState, Packet};

use super::{Fate, On, Way};

/// `PACKET_HOST`, `PACKET_OTHERHOST` (include/uapi/linux/if_packet.h).
pub(super) const FOR_US: u8 = 0;
const FOR_OTHERS: u8 = 3;
/// `ARPHRD_LOOPBACK`.
pub(super) const LOOPBACK: u16 = 772;
const TCP: u8 = 6;
/// `VLAN_VID_MASK`.
const VLAN_ID: u16 = 0xfff;
/// Of ARP for IPv4 over Ethernet.
const ARP_LENGTH: usize = 28;
/// More fragments, in the flags of IPv4.
const MORE: u8 = 0x20;

fn lost(kind: CulpritKind, what: &str) -> Fate {
    Fate::Lost(Box::new(Obstacle::new(kind, what)))
}

impl Way<'_, '_> {
    /// What the network layer looks at before the first hook (`ip_rcv_core`, `ip6_rcv_core`).
    pub(super) fn receive(&mut self) -> On {
        let (packet, past) = (&self.cx.packet, self.walk.past);
        if !past && self.is_ip() && packet.pkttype == Fact::Is(FOR_OTHERS) {
            return Err(lost(CulpritKind::Neighbour, "its frame is for another host's hardware address"));
        }
        if let Some(why) = headers::broken(packet).filter(|_| !past) {
            return Err(lost(CulpritKind::Unknown, why));
        }
        let loopback = match packet.iif.value().map(|d| self.walk.env.link(d.index)) {
            Some(Fact::Is(link)) => link.hardware == LOOPBACK,
            _ => true,
        };
        if let Some(why) = odd_address(packet).filter(|_| !loopback) {
            return Err(lost(CulpritKind::Route, why));
        }
        if past {
            return Ok(()); // of the rest of its bytes too little is known
        }
        if let Some(refused) = hop_by_hop(packet) {
            let mut lost = Obstacle::new(CulpritKind::Unknown, "refused IPv6 hop-by-hop options");
            if refused.told {
                lost = lost.told(RejectWith::Icmp("icmp6-parameter-problem".into()));
                lost.tells_of_many = true;
            }
            return Err(Fate::Lost(Box::new(lost)));
        }
        let six_to_one = packet.network == Network::Ip6 && packet.addresses().is_some_and(|(_, to)| to[0] != 0xff);
        if six_to_one { self.unicast_in_multicast(None) } else { Ok(()) }
    }

    /// Behind its ingress a frame with a VLAN tag is for a device of that VLAN, if there is one; the tag of VLAN 0 is taken off.
    pub(super) fn tagged(&mut self) -> On {
        match self.cx.packet.vlan {
            Fact::Is((tci, _)) if !self.walk.past && tci & VLAN_ID != 0 => {
                Err(Fate::Unknown("whether a device of its VLAN takes it".into()))
            }
            Fact::Is(_) if !self.walk.past => {
                self.cx.packet.vlan = Fact::Absent;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What ARP looks at before its hook (`arp_rcv`).
    pub(super) fn receive_arp(&self) -> On {
        if self.walk.past {
            return Ok(());
        }
        let packet = &self.cx.packet;
        if packet.pkttype == Fact::Is(FOR_OTHERS) {
            return Err(lost(CulpritKind::Neighbour, "its frame is for another host's hardware address"));
        }
        let ethernet = packet.iif.value().and_then(|d| self.walk.env.link(d.index).known());
        if ethernet.is_none_or(|l| l.address.len() != 6) {
            return Ok(());
        }
        let lengths = packet.array::<2>(4);
        if packet.length < ARP_LENGTH || lengths.known().is_some_and(|l| l != [6, 4]) {
            return Err(lost(CulpritKind::Unknown, "broken ARP packet"));
        }
        Ok(())
    }

    /// The least of an ARP packet that the rules of arptables can look at.
    pub(super) fn receive_arp_header(&self) -> On {
        if self.cx.packet.length < ARP_LENGTH && !self.walk.past {
            return Err(lost(CulpritKind::Unknown, "broken ARP packet"));
        }
        Ok(())
    }

    /// Nothing comes in by a device that is down.
    pub(super) fn device_is_up(&self) -> On {
        let Some(device) = self.cx.packet.iif.value() else { return Ok(()) };
        match self.walk.env.link(device.index) {
            Fact::Is(link) if !link.up => {
                let down = Obstacle::new(CulpritKind::Unknown, format!("interface {} is down", link.name));
                Err(Fate::Lost(Box::new(down)))
            }
            _ => Ok(()),
        }
    }

    /// Who is meant by the link layer matters behind routing, too: `ip_forward` and `ip6_forward` pass on only what was sent
    /// to this host's hardware address.
    pub(super) fn passed_on(&mut self) -> On {
        match self.cx.packet.pkttype {
            Fact::Is(FOR_US) | Fact::Absent | Fact::Unknown(_) => Ok(()),
            Fact::Is(_) => Err(lost(CulpritKind::Route, "a link-layer broadcast or multicast is not forwarded")),
        }
    }

    /// What leaves where it came in may have its sender told of a better way (`ip_rt_send_redirect`): a packet of this host, which
    /// rules see as part of the same connection before they see the one that is forwarded.
    pub(super) fn redirected(&mut self) {
        let packet = &mut self.cx.packet;
        let back = packet.iif.value().map(|d| d.index) == packet.oif.value().map(|d| d.index);
        let tracked = matches!(packet.ct.state, Fact::Is(CtState::New | CtState::Established | CtState::Related));
        if !back || !tracked || packet.network != Network::Ip4 || !self.walk.rules.marks_connections() {
            return;
        }
        packet.ct.mark = Fact::unknown("mark that a redirect gave the connection");
        packet.ct.told = true;
    }

    /// TCP takes nothing that was sent to many (`tcp_v4_rcv`).
    pub(super) fn taken_by_transport(&mut self) -> On {
        let packet = &self.cx.packet;
        let many = matches!(packet.pkttype, Fact::Is(kind) if kind != FOR_US);
        if many && packet.headers().protocol == Some(TCP) {
            return Err(lost(CulpritKind::Socket, "TCP takes no link-layer broadcast or multicast"));
        }
        Ok(())
    }

    /// The hook in front of conntrack that gathers fragments, where anything needs it (`ipv4_conntrack_defrag`,
    /// `ipv6_defrag`).
    pub(super) fn defragment(&mut self) -> On {
        let needed = self.walk.rules.collects_fragments(self.cx.packet.network);
        if needed { self.gather() } else { Ok(()) }
    }

    /// A fragment waits for the others; rules behind see the packet that they make together.
    pub(super) fn gather(&mut self) -> On {
        if self.walk.past {
            return Ok(()); // what was seen is what was made of them
        }
        let packet = &mut self.cx.packet;
        let h = packet.headers();
        if h.fragment_offset == 0 && !h.more_fragments {
            if packet.network == Network::Ip6 {
                // They are first then, and too late for those who would look at them.
                if let (Fact::Is([ip6::FRAGMENT]), Fact::Is([ip6::HOP])) = (packet.array(6), packet.array(40)) {
                    return Err(Fate::Unknown("what becomes of hop-by-hop options behind a fragment header".into()));
                }
                ip6::join_atomic(packet);
            }
            return Ok(());
        }
        if h.fragment_offset != 0 {
            return Err(Fate::Unknown("the packet that its fragments make".into()));
        }
        if !self.cx.ask("whether the other fragments arrive", b"other fragments", true) {
            return Err(Fate::Unknown("the packet that its fragments make".into()));
        }
        let packet = &mut self.cx.packet;
        if packet.network == Network::Ip4
            && let Fact::Is([flags, offset]) = packet.array(6)
        {
            crate::evaluate::checksum::write_network(packet, 6, &[flags & !MORE, offset]);
        }
        Ok(())
    }
}

/// The header that every router looks at (`ipv6_parse_hopopts`).
fn hop_by_hop(packet: &Packet) -> Option<Refused> {
    if packet.network != Network::Ip6 || packet.array(6) != Fact::Is([ip6::HOP]) {
        return None;
    }
    let many = packet.addresses().is_some_and(|(_, to)| to.first() == Some(&0xff));
    let options = match packet.array(41) {
        Fact::Is([length]) => packet.read(42, usize::from(length) * 8 + 6),
        _ => Fact::Absent,
    };
    match options {
        Fact::Is(options) => ip6_options::refused(Header::HopByHop, options, many),
        Fact::Absent => Some(Refused { told: false }),
        Fact::Unknown(_) => None,
    }
}

/// Addresses that `ip6_rcv_core` refuses, from anything but the loopback.
fn odd_address(packet: &Packet) -> Option<&'static str> {
    let (source, destination) = packet.addresses().filter(|_| packet.network == Network::Ip6)?;
    let is_loopback = |a: &[u8]| a.split_last().is_some_and(|(last, rest)| *last == 1 && rest.iter().all(|b| *b == 0));
    let multicast = destination.first() == Some(&0xff);
    match destination.get(1).map(|b| b & 0xf) {
        Some(0 | 1) if multicast => Some("multicast of the scope of one node"),
        _ if source.first() == Some(&0xff) => Some("martian source"),
        _ if is_loopback(source) => Some("martian source"),
        _ if is_loopback(destination) => Some("martian destination"),
        _ => None,
    }
}
