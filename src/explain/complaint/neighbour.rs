//! Before anything of a neighbour comes in, it has to find us: its question has to come in, and our answer to get out.

use std::net::{IpAddr, Ipv6Addr};

use super::{Case, ICMPV6, PACKET_OTHERHOST};
use crate::evaluate::environment::FibQuery;
use crate::evaluate::{Fact, Network};
use crate::explain::craft::Craft;
use crate::explain::explainer::Explained;
use crate::explain::question::{Question, Side};

/// The hardware address of a neighbour, for what is asked about it; it means nobody.
const UNKNOWN: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
/// `NDISC_NEIGHBOUR_SOLICITATION`
const SOLICITATION: u8 = 135;
/// `NDISC_NEIGHBOUR_ADVERTISEMENT`
const ADVERTISEMENT: u8 = 136;

impl Case<'_> {
    /// By ARP, or neighbour discovery.
    pub(super) fn neighbour(&self) -> Option<Explained> {
        let (index, name) = self.iif()?;
        let (src, dst) = self.ends()?;
        let link = self.env.link(index).known()?;
        if link.hardware != 1 {
            return None;
        }
        let back = self.env.fib(&FibQuery { to: src, from: None, oif: None, iif: None, mark: 0, tos: 0 }).known()?;
        let switched = self.is_switched();
        if back.oif != index && !switched {
            return None;
        }
        let neighbour = back.gateway.filter(|_| !switched).unwrap_or(src);
        // A packet to this host is asked for by its own address, one to be forwarded by that of the router.
        let direct = switched || self.run.packet.oif == Fact::Absent;
        let target = if direct { dst } else { self.env.redirect_address(index, neighbour).known()? };
        let (network, asks, answers) = match (neighbour, target) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let arp = |op, from: [u8; 4], to: [u8; 4]| {
                    [[0, 1, 8, 0, 6, 4, 0, op].as_slice(), &UNKNOWN, &from, &[0; 6], &to].concat()
                };
                let (from, to) = (from.octets(), to.octets());
                (Network::Arp, arp(1, from, to), arp(2, to, from))
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => (
                Network::Ip6,
                discovery(SOLICITATION, (neighbour, asked_of(to).into()), to)?,
                discovery(ADVERTISEMENT, (target, from.into()), to)?,
            ),
            _ => return None,
        };
        let group = match target {
            IpAddr::V4(_) => [0xff; 6],
            IpAddr::V6(to) => {
                let [.., a, b, c] = to.octets();
                [0x33, 0x33, 0xff, a, b, c]
            }
        };
        let asks = Question {
            link: Some([group.as_slice(), &UNKNOWN, &network.ethertype().to_be_bytes()].concat()),
            side: Side::In(name.clone()),
            pkttype: switched.then_some(PACKET_OTHERHOST),
            ..Question::new(network, asks)
        };
        let arp = network == Network::Arp;
        let (asked, answered) = match arp {
            true => ("ARP request", "ARP answer"),
            false => ("neighbour solicitation", "neighbour advertisement"),
        };
        let way = format!("before {neighbour} can send anything by {name} it has to ask who has {target}, and");
        let lost = self.explainer.answer(&asks, true).ok()?;
        if let Some(lost) = self.blame(lost, format!("{way} its {asked} is lost")) {
            return Some(lost);
        }
        // What is switched, somebody else answers.
        if switched {
            return None;
        }
        let answers = Question { side: Side::Out, oif: Some(name.clone()), ..Question::new(network, answers) };
        let lost = self.explainer.answer(&answers, true).ok()?;
        self.blame(lost, format!("{way} this host's {answered} is lost"))
    }
}

/// The group that is asked who has an address (solicited-node multicast).
fn asked_of(to: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = to.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// A message of neighbour discovery about an address.
fn discovery(kind: u8, (from, to): (IpAddr, IpAddr), about: Ipv6Addr) -> Option<Vec<u8>> {
    // The option of the link layer address: the sender's in a question, that of the target in an answer.
    let option = if kind == SOLICITATION { 1 } else { 2 };
    let body = [about.octets().as_slice(), &[option, 1], &UNKNOWN].concat();
    let craft = Craft { icmp: (kind, 0), ttl: 255, payload: Some(body), ..Craft::new(ICMPV6, from, to) };
    Some(craft.plain_icmp().make().ok()?.1)
}
