//! `NB0205`: the answers to connections that are forwarded are thrown away.

use super::mended;
use crate::blame::{CulpritKind, Verdict};
use crate::evaluate::Place;
use crate::evaluate::packet::CtState;
use crate::explain::{Explained, Question, Side};
use crate::finding::code::Code;
use crate::finding::probe::{self, Peer, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;

pub(super) const CODE: Code = Code {
    id: "NB0205",
    title: "answers to forwarded connections are dropped",
    severity: Severity::Error,
    meaning: "the rules let connections through this router, and no rule accepts the packets that come back",
    page: include_str!("../../../docs/findings/NB0205.md"),
    check,
    why: Some(why),
};

const CLIENT: u16 = 45678;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for from in view.peers().iter().filter(|p| p.on_link) {
        for to in view.peers().iter().filter(|to| to.link != from.link && to.own.is_ipv4() == from.own.is_ipv4()) {
            let lost: Vec<Place> = [443, 53, 22].iter().filter_map(|port| answer_lost(view, from, to, *port)).collect();
            let (Some(at), 3) = (lost.first(), lost.len()) else { continue };
            let back = [443, 53, 22].iter().filter_map(|port| answer(from, to, *port)).collect::<Vec<_>>();
            let fix = mended(view, &back, from.own.is_ipv6());
            found.push(
                CODE.finding(format!(
                    "connections from {} to {} get through, and their answers are dropped",
                    from.place(),
                    to.place()
                ))
                .rule(view.rule(*at).label("the answers end here").verdict())
                .seen(
                    "simulation",
                    format!("tcp {}:443 > {}:{CLIENT}, established, in {}: dropped", to.remote, from.remote, to.link),
                )
                .fixes(fix),
            );
            return;
        }
    }
}

/// Where the answers end, of connections that may begin.
fn answer_lost(view: &View<'_>, from: &Peer, to: &Peer, port: u16) -> Option<Place> {
    let (client, server) = ((from.remote, CLIENT), (to.remote, port));
    let ask = |q: Option<Question>, link| view.ask(&Question { side: Side::In(link), ..q? });
    let there = ask(probe::packet(TCP, client, server, CtState::New), from.link.clone())?;
    if !forwards(&there) {
        return None;
    }
    probe::stopped_at(&view.ask(&answer(from, to, port)?)?)
}

fn answer(from: &Peer, to: &Peer, port: u16) -> Option<Question> {
    let q = probe::packet(TCP, (to.remote, port), (from.remote, CLIENT), CtState::Established)?;
    Some(Question { side: Side::In(to.link.clone()), ..q })
}

fn forwards(e: &Explained) -> bool {
    e.blame.verdict == Verdict::Accept && !e.walked.incomplete && e.walked.runs.len() == 1
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let p = &case.explained.blame.packet;
    let stopped = matches!(case.culprit().kind, CulpritKind::Rule | CulpritKind::Policy);
    (stopped && p.hook == Some("forward") && case.is_of_connection()).then(|| {
        "it belongs to a connection that was let through; no rule of the forward hook before lets such packets pass"
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::nft::expr::{Cmp, CmpOp, Meta, MetaKey};
    use crate::sys::nft::{BaseChain, Data, Family, Hook, Reg, Verdict};

    /// What comes in by `lan` may pass; and, if so, what belongs to connections.
    fn rules(answers: bool) -> Ruleset {
        let base = BaseChain { policy: Verdict::Drop, ..BaseChain::filter(Hook::Forward, 0) };
        let name = *b"lan\0\0\0\0\0\0\0\0\0\0\0\0\0";

        let from_lan = vec![
            Meta { key: MetaKey::Iifname, dreg: Reg::R1 }.into(),
            Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(name) }.into(),
            testing::says(Verdict::Accept),
        ];
        let mut all = vec![from_lan];
        if answers {
            all.push([testing::established(), vec![testing::says(Verdict::Accept)]].concat());
        }
        testing::with(testing::table(Family::Inet, "forward", Some(base), all))
    }

    #[test]
    fn a_router_that_lets_out_and_not_in_again_is_found() {
        let host = testing::router();
        assert_eq!(testing::find(&CODE, &rules(false), &host).len(), 1);
        assert_eq!(testing::find(&CODE, &rules(true), &host), []);
        assert_eq!(testing::find(&CODE, &rules(false), &testing::server()), [], "no router");
    }
}
