//! `NB0110`: what one table accepts, another one drops.

use rustc_hash::FxHashSet;

use crate::blame::CulpritKind;
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::{Run, Step};
use crate::evaluate::{Decision, Fact, Place};
use crate::finding::code::Code;
use crate::finding::probe::{self, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::sys::diag::Protocol;

pub(super) const CODE: Code = Code {
    id: "NB0110",
    title: "an accept is not final: another table drops the packet",
    severity: Severity::Warning,
    meaning: "accept ends the walk of one base chain only; every other base chain at the hook still sees the packet, and any of them may drop it",
    page: include_str!("../../../docs/findings/NB0110.md"),
    check,
    why: Some(why),
};

/// The port that a client may have.
const THEIRS: u16 = 45678;

/// New connections to what listens here.
fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let mut told = FxHashSet::default();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let Fact::Is(sockets) = view.host.listeners(protocol, 0) else { continue };
        for s in sockets.iter() {
            for peer in view.peers().iter().filter(|p| s.takes(p.own) == Some(true)) {
                let ports = (protocol.number(), THEIRS, s.port);
                let answer = probe::arriving(peer, ports, CtState::New).and_then(|q| view.ask(&q));
                let Some(answer) = answer else { continue };
                let Some(stopped) = probe::stopped_at(&answer) else { continue };
                let Some(accepted) = answer.walked.runs.first().and_then(|r| accepted(r, stopped)) else { continue };
                if !told.insert((accepted, stopped)) {
                    continue;
                }
                let name = if protocol.number() == TCP { "tcp" } else { "udp" };
                found.push(
                    CODE.finding(format!("{name} port {} is accepted in one table, and dropped in another", s.port))
                        .rule(view.rule(accepted).label("accepted here").verdict())
                        .rule(view.rule(stopped).label("dropped here all the same").verdict())
                        .seen("simulation", format!("{name} from {} to port {}: dropped", peer.place(), s.port)),
                );
            }
        }
    }
}

/// The last rule of another base chain that accepted the packet which ends at `stopped`, at the same hook.
fn accepted(run: &Run, stopped: Place) -> Option<Place> {
    run.steps.iter().rev().find_map(|s| match s {
        Step::Rule { hook, tried } if *hook == run.hook && tried.matched && tried.decision == Decision::Accept => {
            (tried.at.position.is_some() && tried.at.chain.table != stopped.chain.table).then_some(tried.at)
        }
        _ => None,
    })
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    if !matches!(case.culprit().kind, CulpritKind::Rule | CulpritKind::Policy) {
        return None;
    }
    let stopped = probe::stopped_at(case.explained)?;
    let at = accepted(case.explained.walked.runs.first()?, stopped)?;
    let name = case.view.describer().chain_name(at.chain);
    Some(format!(
        "rule {} of {name} accepts it, but that ends its way through that table only",
        at.position.unwrap_or(0)
    ))
}
