//! `NB0306`: a port forward that this host itself cannot use.

use std::net::IpAddr;

use crate::blame::PacketFields;
use crate::evaluate::Packet;
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::Run;
use crate::explain::{Question, Side};
use crate::finding::code::Code;
use crate::finding::forwards::Forward;
use crate::finding::probe;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::witness::Witness;

pub(super) const CODE: Code = Code {
    id: "NB0306",
    title: "a port forward does not hold for this host's own connections",
    severity: Severity::Note,
    meaning: "what this host sends never meets the prerouting hook: from here the published address leads to this host itself",
    page: include_str!("../../../docs/findings/NB0306.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for of_rule in view.forwards().tried.chunk_by(|a, b| a.at == b.at) {
        let all = of_rule.iter().flat_map(|f| f.witnesses.iter().map(move |w| (f, w)));
        // Only where the published address is this host's.
        let mut published = all.filter_map(|(f, w)| Some((f, w.service, published(view, w)?)));
        let stays = |(_, service, to): &(&Forward, _, IpAddr)| stays(view, *service, *to);
        let Some((&Forward { at, to, .. }, (_, port), published)) = published.find(stays) else { continue };
        found.push(
            CODE.finding(format!("from this host itself, {published} port {port} is not sent on to {to}"))
                .rule(view.rule(at).label("sees what comes in, not what this host sends").translation())
                .seen("simulation", format!("{published} > {published} port {port}, new, sent by this host: stays here"))
                .note("a test on this host proves nothing about the port forward; if it is needed here, too, the same rule belongs into the output hook"),
        );
    }
}

/// Does what this host sends to that address of its own certainly keep its destination?
fn stays(view: &View<'_>, (protocol, port): (u8, u16), to: IpAddr) -> bool {
    let q = probe::packet(protocol, (to, 45678), (to, port), CtState::New);
    let Some(e) = q.and_then(|q| view.ask(&Question { side: Side::Out, ..q })) else { return false };
    let stays = |r: &Run| PacketFields::of(&r.packet).destination == Some(to);
    !e.walked.incomplete && !e.walked.runs.is_empty() && e.walked.runs.iter().all(stays)
}

/// The address that the packet had, if it is one of this host.
fn published(view: &View<'_>, w: &Witness) -> Option<IpAddr> {
    let asked = Packet::new(w.question.network, w.question.bytes.clone());
    let to = PacketFields::of(&asked).destination?;
    let own = view.host.addresses();
    own.value()?.iter().any(|a| a.local.addr == to).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn what_this_host_sends_is_not_translated_at_prerouting() {
        let found = testing::find(&CODE, &testing::dnat([10, 0, 0, 2]), &testing::router());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains("is not sent on to 10.0.0.2"));
    }
}
