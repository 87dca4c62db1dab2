//! `NB0305`: masquerading hides who comes in.

use crate::evaluate::Place;
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::Step;
use crate::explain::{Question, Side};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::probe::{self, Peer, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0305",
    title: "masquerading also hides those who come in from outside",
    severity: Severity::Note,
    meaning: "the rule names no outer interface: servers inside see this router's address instead of their clients'",
    page: include_str!("../../../docs/findings/NB0305.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for outside in view.peers().iter().filter(|p| !p.on_link) {
        let inside = view
            .peers()
            .iter()
            .filter(|p| p.on_link && p.link != outside.link && p.own.is_ipv4() == outside.own.is_ipv4());
        for inside in inside {
            let Some(at) = hidden_by(view, outside, inside) else { continue };
            found.push(
                CODE.finding(format!(
                    "connections from {} to {} get this host's address as their source",
                    outside.place(),
                    inside.place()
                ))
                .rule(view.rule(at).label("masquerades what goes in as well as what goes out").translation())
                .seen(
                    "simulation",
                    format!(
                        "tcp {} > {}, new: out by {} from another address",
                        outside.remote, inside.remote, inside.link
                    ),
                )
                .note(format!("say by which interface: -o {0}, oifname {0}", outside.link)),
            );
            return;
        }
    }
}

/// The rule that gives the packet another source.
fn hidden_by(view: &View<'_>, outside: &Peer, inside: &Peer) -> Option<Place> {
    let q = probe::packet(TCP, (outside.remote, 45678), (inside.remote, 443), CtState::New)?;
    let e = view.ask(&Question { side: Side::In(outside.link.clone()), ..q })?;
    let [run] = &e.walked.runs[..] else { return None };
    let source = crate::blame::PacketFields::of(&run.packet).source?;
    let masquerades = |at: Place| act::acts(view.rules, at).is_some_and(|a| a.contains(&Act::Masquerade));
    let by = run.steps.iter().find_map(|s| match s {
        Step::Rule { tried, .. } if tried.matched && masquerades(tried.at) => Some(tried.at),
        _ => None,
    });
    by.filter(|_| e.passes() && source != outside.remote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn a_masquerade_of_everything_is_found() {
        assert_eq!(testing::find(&CODE, &testing::masquerade(), &testing::router()).len(), 1);
        assert_eq!(testing::find(&CODE, &testing::masquerade(), &testing::behind_router()), []);
    }
}
