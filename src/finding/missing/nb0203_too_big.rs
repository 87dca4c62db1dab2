//! `NB0203`: the messages that a path takes smaller packets only are thrown away.

use super::mended;
use crate::blame::CulpritKind;
use crate::evaluate::Place;
use crate::explain::Question;
use crate::finding::code::Code;
use crate::finding::probe::{self, Peer};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;

pub(super) const CODE: Code = Code {
    id: "NB0203",
    title: "the rules drop ICMP messages about a path's MTU",
    severity: Severity::Warning,
    meaning: "large transfers stall where a path takes smaller packets only, because nobody learns of it",
    page: include_str!("../../../docs/findings/NB0203.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for v6 in [false, true] {
        // They come from routers, and those are beyond the networks at hand.
        let beyond: Vec<&Peer> = view.peers().iter().filter(|p| p.own.is_ipv6() == v6 && !p.on_link).collect();
        let lost: Vec<(&Peer, Place)> = beyond.iter().filter_map(|p| Some((*p, stopped(view, p)?))).collect();
        let Some((peer, at)) = lost.first().filter(|_| lost.len() == beyond.len()) else { continue };
        let name = if v6 { "ICMPv6 packet-too-big" } else { "ICMP fragmentation-needed" };
        let mut finding = CODE
            .finding(format!("{name} about connections of this host is dropped"))
            .rule(view.rule(*at).label("the message ends here").verdict())
            .seen("simulation", format!("{name}, related, {} > {}, in {}: dropped", peer.remote, peer.own, peer.link));
        if !v6 {
            finding = finding
                .note("IPv6 routers never fragment; IPv4 hosts set DF by default: both depend on these messages");
        }
        let lost: Vec<Question> = beyond.iter().filter_map(|p| probe::too_big(p)).collect();
        found.push(finding.fixes(mended(view, &lost, v6)));
    }
}

fn stopped(view: &View<'_>, peer: &Peer) -> Option<Place> {
    let q = probe::too_big(peer)?;
    probe::stopped_at(&view.ask(&q)?)
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let blame = &case.explained.blame;
    if !matches!(blame.culprit.kind, CulpritKind::Rule | CulpritKind::Policy) {
        return None;
    }
    let q = case.question;
    let v6 = q.network == crate::evaluate::Network::Ip6;
    let (protocol, at) =
        if v6 { (q.bytes.get(6)?, 40) } else { (q.bytes.get(9)?, usize::from(q.bytes.first()? & 15) * 4) };
    let kind = (*q.bytes.get(at)?, *q.bytes.get(at + 1)?);
    let is_it = if v6 { *protocol == 58 && kind == (2, 0) } else { *protocol == 1 && kind == (3, 4) };
    is_it.then(|| "it tells that a packet was too big for a path; without it, large transfers stall".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn a_policy_of_drop_is_found_and_related_is_enough() {
        let host = testing::behind_router();
        assert_eq!(testing::find(&CODE, &testing::input("drop", ""), &host).len(), 1);
        assert_eq!(testing::find(&CODE, &testing::input("drop", "established"), &host), []);
        assert_eq!(testing::find(&CODE, &testing::input("accept", ""), &host), []);
    }
}
