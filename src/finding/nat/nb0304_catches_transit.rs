//! `NB0304`: a port forward takes packets that only pass through.

use crate::evaluate::packet::CtState;
use crate::explain::{Question, Side};
use crate::finding::code::Code;
use crate::finding::forwards::Forward;
use crate::finding::probe::{self, Peer};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0304",
    title: "a port forward also takes packets that pass through",
    severity: Severity::Warning,
    meaning: "the rule names neither the published address nor an interface, so connections of others to that port anywhere end at the same server",
    page: include_str!("../../../docs/findings/NB0304.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for of_rule in view.forwards().tried.chunk_by(|a, b| a.at == b.at) {
        let mut caught = of_rule.iter().filter_map(|f| Some((f, caught(view, f)?)));
        let Some((&Forward { at, to, .. }, (from, beyond, service))) = caught.next() else { continue };
        let (protocol, port) = (if service.0 == probe::TCP { "tcp" } else { "udp" }, service.1);
        found.push(
            CODE.finding(format!("connections from {} to {protocol} port {port} of anybody else end at {to}", from.place()))
                .rule(view.rule(at).label("takes them: it asks neither for an address of this host nor for an interface").translation())
                .seen("simulation", format!("{protocol} {} > {} port {port}, new, in {}: sent to {to}", from.remote, beyond.remote, from.link))
                .note("ask for the published address (-d, ip daddr, or -m addrtype --dst-type LOCAL, fib daddr type local), or for the outer interface"),
        );
    }
}

/// Who is sent there in place of whom, and with which protocol and port.
fn caught<'v>(view: &'v View<'_>, f: &Forward) -> Option<(&'v Peer, &'v Peer, (u8, u16))> {
    let service = f.witnesses.first()?.service;
    let (from, beyond) = passing(view, f.to).find(|(from, beyond)| taken(view, from, beyond, service, f.to))?;
    Some((from, beyond, service))
}

/// Who may send packets through this host, and to whom.
fn passing<'v>(view: &'v View<'_>, to: std::net::IpAddr) -> impl Iterator<Item = (&'v Peer, &'v Peer)> {
    let all = view.peers();
    let inside = all.iter().filter(move |p| p.on_link && p.own.is_ipv4() == to.is_ipv4());
    inside.flat_map(move |from| {
        let beyond =
            all.iter().filter(move |b| !b.on_link && b.link != from.link && b.own.is_ipv4() == from.own.is_ipv4());
        // Who is beyond another way out sends nothing through this host.
        let beyond = beyond.filter(move |b| !probe::is_way_out(view, from, b.remote));
        beyond.map(move |b| (from, b))
    })
}

fn taken(view: &View<'_>, from: &Peer, beyond: &Peer, (protocol, port): (u8, u16), to: std::net::IpAddr) -> bool {
    let q = probe::packet(protocol, (from.remote, 45678), (beyond.remote, port), CtState::New);
    let q = q.map(|q| Question { side: Side::In(from.link.clone()), ..q });
    let Some(e) = q.and_then(|q| view.ask(&q)) else { return false };
    let sent = |r: &crate::evaluate::walk::Run| crate::blame::PacketFields::of(&r.packet).destination == Some(to);
    e.passes() && !e.walked.incomplete && e.walked.runs.iter().all(sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn a_rule_without_address_takes_everything() {
        assert_eq!(testing::find(&CODE, &testing::dnat([10, 0, 0, 2]), &testing::router()).len(), 1);
        assert_eq!(
            testing::find(&CODE, &testing::dnat([10, 0, 0, 2]), &testing::behind_router()),
            [],
            "nothing passes through"
        );
    }
}
