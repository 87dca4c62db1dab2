//! `NB0301`: a port is forwarded, and the packets are dropped on the way.

use std::net::IpAddr;

use crate::blame::{CulpritKind, PacketFields};
use crate::evaluate::walk::{Fate, Run};
use crate::evaluate::{Hook, Place};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::forwards::Forward;
use crate::finding::probe;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::finding::witness::Witness;
use crate::fix::{Change, NewRule, Trial};
use crate::listing::len;
use crate::manager;

use super::{FIXES, MOST_RULES, one_of_each, some_of};

pub(super) const CODE: Code = Code {
    id: "NB0301",
    title: "what a rule sends on to another host is dropped behind it",
    severity: Severity::Error,
    meaning: "translation only changes the destination: the forward hook has to let the packets through, too, by their new address and port",
    page: include_str!("../../../docs/findings/NB0301.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for of_rule in view.forwards().tried.chunk_by(|a, b| a.at == b.at) {
        // From where the rule is meant for is not known: if anybody gets through, that is it.
        let is_lost = |f: &&Forward| f.witnesses.iter().all(|w| lost_at(w).is_some());
        let lost: Vec<&Witness> = of_rule.iter().filter(is_lost).flat_map(|f| &f.witnesses).collect();
        let Some((w, stop)) = lost.first().and_then(|w| Some((*w, lost_at(w)?))) else { continue };
        // Who gets through may be none of those that were tried.
        if manager::of_rule(view.rules, stop).is_some_and(manager::Manager::decides_by_policy) {
            continue;
        }
        let mut ends: Vec<String> = lost.iter().flat_map(|w| w.ends()).map(|(_, to, port)| named(to, port)).collect();
        ends.dedup();
        let mut finding = CODE
            .finding(format!("packets that are sent on to {} never get there", some_of(&ends)))
            .rule(view.rule(stop).label("they end here").verdict())
            .rule(view.rule(w.at()).label("sends them on").translation())
            .about(lost.iter().map(|w| w.service))
            .seen("simulation", format!("{}: dropped at the forward hook", w.words()));
        if before_translation(view, w) {
            finding = finding.note(format!(
                "port {} would be let through, but the forward hook sees packets as they are after translation",
                w.service.1
            ));
        }
        let tried = found.iter().filter(|f| f.code == CODE.id).count() < FIXES;
        found.push(match tried.then(|| mended(view, &one_of_each(&lost))).flatten() {
            Some(fix) => finding.fix(fix),
            None => finding.note("accept what was translated: ct status dnat accept, or -m conntrack --ctstate DNAT"),
        });
    }
}

fn named(to: IpAddr, port: Option<u16>) -> String {
    port.map_or_else(|| to.to_string(), |p| format!("{to} port {p}"))
}

/// Lets through what was sent on, whoever it comes from: the client is one of many. None: nothing gets there then, or it takes too
/// many rules.
fn mended(view: &View<'_>, lost: &[&Witness]) -> Option<Fix> {
    let mut after = Trial::new(view.rules, view.host);
    let (mut fix, mut accepted) = (Fix::new(""), Vec::new());
    // Which address of a range it will be is not known.
    for w in lost.iter().filter(|w| w.is_to_one()) {
        let (mut with, mut new) = (after.clone(), Vec::new());
        for run in after.run(&w.question)?.walked.runs {
            let to = PacketFields::of(&run.packet);
            let (Some(stop), Some(dst)) = (stopped_at_forward(&run), to.destination) else { continue };
            let protocol = Some(w.service.0);
            let rule = NewRule {
                v6: dst.is_ipv6(),
                dst: Some(dst),
                protocol,
                dport: to.destination_port,
                ..NewRule::default()
            };
            let position = stop.position.unwrap_or_else(|| len(&with.rules, stop.chain) + 1);
            if !new.iter().any(|(_, _, what)| *what == rule.describe()) {
                let change = Change::Insert { chain: stop.chain, position, rule: rule.clone() };
                let commands = change.commands(&with.rules)?;
                with = with.with(&change)?;
                new.push((change, commands, rule.describe()));
            }
        }
        if accepted.len() + new.len() > MOST_RULES {
            return None;
        }
        if with.passes(&w.question) {
            after = with;
            for (change, commands, what) in new {
                fix.commands.extend(commands);
                fix.also_allows.push(format!("{what} from anywhere, also by its own address"));
                accepted.push(what);
                fix = fix.change(change);
            }
        }
    }
    fix.message = format!("accept {} at the forward hook", accepted.join(", "));
    fix.persistent.extend(fix.changes.first()?.persistent(view.rules));
    Some(Fix { verified: true, ..fix })
}

/// Where all that is sent on ends at the forward hook.
fn lost_at(w: &Witness) -> Option<Place> {
    w.runs().map(stopped_at_forward).reduce(|a, b| a.filter(|_| b.is_some())).flatten()
}

fn stopped_at_forward(run: &Run) -> Option<Place> {
    match run.fate {
        Fate::Decided { at, .. } if run.hook == Hook::Forward && probe::is_stopped(run) => Some(at),
        _ => None,
    }
}

/// Would the packet pass with the port that it had before?
fn before_translation(view: &View<'_>, w: &Witness) -> bool {
    let Some((from, to, Some(port))) = w.ends().first().copied() else { return false };
    let (protocol, before) = w.service;
    if port == before {
        return false;
    }
    let q = probe::packet(protocol, (from, 45678), (to, before), crate::evaluate::packet::CtState::New);
    let q = q.map(|q| crate::explain::Question { side: crate::explain::Side::In(w.peer.link.clone()), ..q });
    q.and_then(|q| view.ask(&q)).is_some_and(|e| e.passes())
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let blame = &case.explained.blame;
    if case.is_answer()
        || blame.packet.hook != Some("forward")
        || !matches!(blame.culprit.kind, CulpritKind::Rule | CulpritKind::Policy)
    {
        return None;
    }
    let run = case.explained.walked.runs.first()?;
    let asked = crate::evaluate::Packet::new(case.question.network, case.question.bytes.clone());
    let (before, after) = (asked.addresses()?.1, run.packet.addresses()?.1);
    let f = PacketFields::of(&run.packet);
    (before != after).then(|| {
        let port = f.destination_port.map_or_else(String::new, |p| format!(" port {p}"));
        let to = f.destination.map_or_else(String::new, |a| a.to_string());
        format!("its destination was changed to {to}{port} before: that is what the forward hook has to let through")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::{self, BaseChain, Family, Verdict};

    #[test]
    fn a_port_forward_needs_the_forward_hook() {
        let host = testing::router();
        let mut rules = testing::dnat([10, 0, 0, 2]);
        assert_eq!(testing::find(&CODE, &rules, &host), []);
        let base = BaseChain { policy: Verdict::Drop, ..BaseChain::filter(nft::Hook::Forward, 0) };
        rules.nft.push(testing::table(Family::Inet, "forward", Some(base), Vec::new()));
        let found = testing::find(&CODE, &rules, &host);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].rules[0].entry.policy && found[0].fix.iter().all(|f| f.verified));
        assert_eq!(found[0].message, "packets that are sent on to 10.0.0.2 port 80 never get there");
    }
}
