//! `NB0306`: a port forward that this host itself cannot use.

use crate::evaluate::packet::CtState;
use crate::explain::{Question, Side};
use crate::finding::code::Code;
use crate::finding::probe;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::witness;

use super::forwards;

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
    for (at, to) in forwards(view) {
        let all = witness::arriving(view, at);
        // Only where the published address is this host's.
        let Some((w, published)) = all.iter().find_map(|w| Some((w, published(view, w)?))) else { continue };
        let (protocol, port) = w.service;
        let q = probe::packet(protocol, (published, 45678), (published, port), CtState::New);
        let Some(e) = q.and_then(|q| view.ask(&Question { side: Side::Out, ..q })) else { continue };
        let stays =
            |r: &crate::evaluate::walk::Run| crate::blame::PacketFields::of(&r.packet).destination == Some(published);
        if e.walked.incomplete || e.walked.runs.is_empty() || !e.walked.runs.iter().all(stays) {
            continue;
        }
        found.push(
            CODE.finding(format!("from this host itself, {published} port {port} is not sent on to {to}"))
                .rule(view.rule(at).label("sees what comes in, not what this host sends").translation())
                .seen("simulation", format!("{published} > {published} port {port}, new, sent by this host: stays here"))
                .note("a test on this host proves nothing about the port forward; if it is needed here, too, the same rule belongs into the output hook"),
        );
    }
}

/// The address that the packet had, if it is one of this host.
fn published(view: &View<'_>, w: &witness::Witness<'_>) -> Option<std::net::IpAddr> {
    let asked = crate::evaluate::Packet::new(w.question.network, w.question.bytes.clone());
    let to = crate::blame::PacketFields::of(&asked).destination?;
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
