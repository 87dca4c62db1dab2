//! `NB0204`: IPv6 hosts cannot find each other.

use std::net::{IpAddr, Ipv6Addr};

use crate::evaluate::packet::CtState;
use crate::evaluate::{Hook, Place};
use crate::explain::{Question, Side};
use crate::finding::code::Code;
use crate::finding::probe::{self, Peer};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::fix::{NewRule, let_pass};

pub(super) const CODE: Code = Code {
    id: "NB0204",
    title: "the rules drop IPv6 neighbour discovery",
    severity: Severity::Error,
    meaning: "neighbours cannot find each other's hardware address: no IPv6 packet gets through, whatever else is allowed",
    page: include_str!("../../../docs/findings/NB0204.md"),
    check,
    why: Some(why),
};

/// `ND_NEIGHBOR_SOLICIT`
const SOLICIT: u8 = 135;
/// `ND_NEIGHBOR_ADVERT`
const ADVERT: u8 = 136;

/// A message that hosts of one link need of each other.
struct Message {
    name: &'static str,
    from: Ipv6Addr,
    to: Ipv6Addr,
    kind: u8,
    about: Ipv6Addr,
    arrives: bool,
}

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for peer in view.peers().iter().filter(|p| p.on_link) {
        let (IpAddr::V6(own), IpAddr::V6(remote)) = (peer.own, peer.remote) else { continue };
        let lost: Vec<(Message, Question, Place)> = messages(own, remote)
            .into_iter()
            .filter_map(|m| stopped(view, peer, &m).map(|(q, at)| (m, q, at)))
            .collect();
        let Some((_, _, at)) = lost.first() else { continue };
        let mut finding = CODE
            .finding(format!("IPv6 hosts of the network of {} and this host cannot find each other", peer.link))
            .rule(view.rule(*at).label("neighbour discovery ends here").verdict());
        for (m, ..) in &lost {
            let way = if m.arrives { "in by" } else { "out by" };
            finding =
                finding.seen("simulation", format!("{}: {} > {}, {way} {}: dropped", m.name, m.from, m.to, peer.link));
        }
        let questions: Vec<Question> = lost.into_iter().map(|(_, q, _)| q).collect();
        found.push(finding.fixes(let_pass(view.rules, view.host, &questions, |q, _| NewRule {
            v6: true,
            protocol: Some(58),
            icmp_type: q.bytes.get(40).copied(),
            ..NewRule::default()
        })));
        return;
    }
}

fn messages(own: Ipv6Addr, remote: Ipv6Addr) -> [Message; 4] {
    let asks = "neighbour solicitation (type 135)";
    let answers = "neighbour advertisement (type 136)";
    let message = |name, kind, from, to, about, arrives| Message { name, from, to, kind, about, arrives };
    [
        message(asks, SOLICIT, remote, solicited_node(own), own, true),
        message(answers, ADVERT, own, remote, own, false),
        message(asks, SOLICIT, own, solicited_node(remote), remote, false),
        message(answers, ADVERT, remote, own, remote, true),
    ]
}

/// The group that hosts with such an address listen to (RFC 4291, 2.7.1).
fn solicited_node(a: Ipv6Addr) -> Ipv6Addr {
    let [.., x, y, z] = a.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(x), u16::from_be_bytes([y, z]))
}

/// The message as a packet, and where it ends.
fn stopped(view: &View<'_>, peer: &Peer, m: &Message) -> Option<(Question, Place)> {
    let side = if m.arrives { Side::In(peer.link.clone()) } else { Side::Out };
    let ends = (m.from.into(), m.to.into());
    // The kernel does not track these.
    let mut q = probe::icmp(side, ends, (m.kind, 0), m.about.octets().into(), CtState::Untracked)?;
    if !m.arrives {
        q.oif = Some(peer.link.clone());
    }
    if let Some(at) = probe::stopped_at(&view.ask(&q)?) {
        return Some((q, at));
    }
    if !m.arrives {
        return None;
    }
    // Which multicast groups somebody listens to may be unknown, but this host does listen to its own.
    q.hook = Some(Hook::Input);
    probe::stopped_at(&view.ask(&q)?).map(|at| (q, at))
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let q = case.question;
    let by_rules = matches!(case.culprit().kind, crate::blame::CulpritKind::Rule | crate::blame::CulpritKind::Policy);
    let is_it = q.network == crate::evaluate::Network::Ip6
        && q.bytes.get(6) == Some(&58)
        && q.bytes.get(40).is_some_and(|kind| (133..=137).contains(kind));
    (by_rules && is_it).then(|| "it is neighbour discovery, without which no IPv6 packet gets through".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn a_policy_of_drop_that_forgets_icmpv6_is_found() {
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &testing::input("drop", "established"), &host), [], "no IPv6 here");
        host.add_address(2, "2001:db8::1/64");
        let found = testing::find(&CODE, &testing::input("drop", "established"), &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].evidence.iter().any(|e| e.value.contains("2001:db8::3 > ff02::1:ff00:1")), "{found:?}");
        assert_eq!(testing::find(&CODE, &testing::input("accept", ""), &host), []);
    }
}
