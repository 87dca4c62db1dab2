//! What the kernel finds out about a packet once, before the first rule of a base chain (`struct nft_pktinfo`).

use crate::evaluate::ip6::{self, Missing, Wanted};
use crate::evaluate::{Context, Fact, Hook, Network};
use crate::sys::nft::Family;

/// Where the transport header is, as nf_tables sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transport {
    /// `pkt->tprot`: an authentication header counts as a protocol here.
    pub protocol: u8,
    /// `pkt->thoff`, from the network header. 0 in a later IPv6 fragment: the kernel does not look for it there.
    pub offset: usize,
    /// `pkt->fragoff`; other than 0 in a later fragment.
    pub fragment: u16,
}

/// The packet as a base chain sees it. Rules that change the packet do not change this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketInfo {
    /// The family of the hook (`nft_pf`): ip or ip6 in an inet table.
    pub family: Family,
    /// The transport header (`NFT_PKTINFO_L4PROTO`); absent where the kernel found none.
    pub transport: Fact<Transport>,
}

/// What the kernel does with a packet before any rule, for its headers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// An inet ingress chain is not run for other protocols.
    Accepted,
    /// It drops broken IP headers.
    Dropped(&'static str),
}

impl PacketInfo {
    /// Looks at the packet as a base chain in a table of that family does.
    pub fn new(cx: &mut Context<'_>, table: Family) -> Result<Self, Refused> {
        let network = cx.packet.network;
        let own = match network {
            Network::Ip4 => Family::Ip,
            Network::Ip6 => Family::Ip6,
            _ => table,
        };
        Ok(match table {
            Family::Ip | Family::Ip6 => Self { family: table, transport: transport(cx) },
            Family::Inet if cx.hook == Hook::Ingress => {
                if !matches!(network, Network::Ip4 | Network::Ip6) {
                    return Err(Refused::Accepted);
                }
                // `nft_set_pktinfo_ipv4_ingress`, `nft_set_pktinfo_ipv6_ingress`
                let transport = if complete(cx) { transport(cx) } else { Fact::Absent };
                if transport == Fact::Absent {
                    return Err(Refused::Dropped("a broken IP header at ingress"));
                }
                Self { family: own, transport }
            }
            Family::Inet => Self { family: own, transport: transport(cx) },
            Family::Bridge | Family::Netdev if complete(cx) => Self { family: table, transport: transport(cx) },
            _ => Self { family: table, transport: Fact::Absent },
        })
    }
}

/// Is the IP header there, and as long as it says (`__nft_set_pktinfo_ipv4_validate` and its like)?
fn complete(cx: &Context<'_>) -> bool {
    let p = &cx.packet;
    match p.network {
        Network::Ip4 => {
            let Fact::Is([first, _, high, low]) = p.array(0) else { return false };
            let (header, total) = (usize::from(first & 15) * 4, usize::from(u16::from_be_bytes([high, low])));
            first >> 4 == 4 && p.length >= 20 && header >= 20 && total >= header && p.length >= total
        }
        Network::Ip6 => {
            let Fact::Is([first, _, _, _, high, low]) = p.array(0) else { return false };
            first >> 4 == 6 && p.length >= 40 + usize::from(u16::from_be_bytes([high, low]))
        }
        _ => false,
    }
}

/// `nft_set_pktinfo_ipv4`, `nft_set_pktinfo_ipv6`
fn transport(cx: &mut Context<'_>) -> Fact<Transport> {
    let p = &cx.packet;
    match p.network {
        // The protocol comes last: where it is there, the rest is.
        Network::Ip4 => match (p.array(9), p.array(0), p.array(6)) {
            (Fact::Is([protocol]), Fact::Is([first]), Fact::Is(fragment)) => Fact::Is(Transport {
                protocol,
                offset: usize::from(first & 15) * 4,
                fragment: u16::from_be_bytes(fragment) & 0x1fff,
            }),
            (Fact::Unknown(w), ..) | (_, Fact::Unknown(w), _) | (.., Fact::Unknown(w)) => Fact::Unknown(w),
            _ => Fact::Absent,
        },
        Network::Ip6 => match ip6::find_in(cx, Wanted::TransportOrAuth) {
            Ok(f) if f.offset > usize::from(u16::MAX) => Fact::Absent,
            Ok(f) => Fact::Is(Transport { protocol: f.protocol, offset: f.offset, fragment: f.fragment }),
            Err(Missing::Absent | Missing::Broken) => Fact::Absent,
            Err(Missing::Cut) => Fact::unknown("headers beyond the captured part"),
        },
        _ => Fact::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::environment::Nowhere;
    use crate::evaluate::{Assumptions, Packet};

    fn info(table: Family, hook: Hook, packet: Packet) -> Result<PacketInfo, Refused> {
        let mut a = Assumptions::new();
        PacketInfo::new(&mut Context::new(packet, hook, &Nowhere, &mut a), table)
    }

    fn udp(fragment: u16) -> Packet {
        let mut b = vec![0x46, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 0];
        b[6..8].copy_from_slice(&fragment.to_be_bytes());
        b.extend([0, 1, 0, 2, 0, 8, 0, 0]);
        Packet::new(Network::Ip4, b)
    }

    #[test]
    fn an_inet_table_has_the_family_of_the_packet_and_a_bridge_table_its_own() {
        let want = Fact::Is(Transport { protocol: 17, offset: 24, fragment: 0 });
        for (table, family) in [(Family::Inet, Family::Ip), (Family::Ip, Family::Ip), (Family::Bridge, Family::Bridge)]
        {
            let i = info(table, Hook::Prerouting, udp(0)).unwrap();
            assert_eq!((i.family, i.transport), (family, want.clone()));
        }
        let i = info(Family::Netdev, Hook::Ingress, udp(0x2003)).unwrap();
        assert_eq!(i.transport, Fact::Is(Transport { protocol: 17, offset: 24, fragment: 3 }));
    }

    #[test]
    fn a_packet_shorter_than_it_says_has_no_transport_in_a_bridge_and_dies_at_inet_ingress() {
        let mut p = udp(0);
        p.bytes[3] = 99;
        assert_eq!(info(Family::Bridge, Hook::Forward, p.clone()).unwrap().transport, Fact::Absent);
        assert!(matches!(info(Family::Inet, Hook::Ingress, p), Err(Refused::Dropped(_))));
        let arp = Packet::new(Network::Arp, vec![0; 28]);
        assert_eq!(info(Family::Inet, Hook::Ingress, arp), Err(Refused::Accepted));
    }
}
