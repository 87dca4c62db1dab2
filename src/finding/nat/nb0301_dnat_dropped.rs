//! `NB0301`: a port is forwarded, and the packets are dropped on the way.

use crate::blame::CulpritKind;
use crate::evaluate::walk::Fate;
use crate::evaluate::{Hook, Place};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::probe;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::finding::witness::{self, Witness};
use crate::fix::{Change, NewRule, Trial};

use super::forwards;

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
    for (at, to) in forwards(view) {
        let mut all = witness::arriving(view, at);
        // In a table of both families a rule may match packets that it cannot translate.
        all.retain(|w| w.peer.own.is_ipv4() == to.is_ipv4());
        let lost: Vec<(&Witness<'_>, Place)> =
            all.iter().filter_map(|w| Some((w, probe::stopped_at(&w.explained).filter(|_| at_forward(w))?))).collect();
        // From where the rule is meant for is not known: if anybody gets through, that is it.
        let Some((w, stop)) = lost.first().filter(|_| lost.len() == all.len()) else { continue };
        let (_, to, port) = match w.ends() {
            Some(ends) => ends,
            None => continue,
        };
        let port = port.map_or_else(String::new, |p| format!(" port {p}"));
        let mut finding = CODE
            .finding(format!("packets that are sent on to {to}{port} never get there"))
            .rule(view.rule(*stop).label("they end here").verdict())
            .rule(view.rule(at).label("sends them on").translation())
            .seen("simulation", format!("{}: dropped at the forward hook", w.words()));
        if before_translation(view, w) {
            finding = finding.note(format!(
                "port {} would be let through, but the forward hook sees packets as they are after translation",
                w.service.1
            ));
        }
        found.push(match mended(view, w, *stop) {
            Some(fix) => finding.fix(fix),
            None => finding,
        });
    }
}

/// Lets through what was sent on, whoever it comes from: the client is one of many. None: that is not enough.
fn mended(view: &View<'_>, w: &Witness<'_>, stop: Place) -> Option<Fix> {
    let (_, to, port) = w.ends()?;
    let rule =
        NewRule { v6: to.is_ipv6(), dst: Some(to), protocol: Some(w.service.0), dport: port, ..NewRule::default() };
    let position = stop.position.unwrap_or_else(|| view.listing.chain(stop.chain).len + 1);
    let change = Change::Insert { chain: stop.chain, position, rule: rule.clone() };
    let after = Trial::new(view.rules, view.host).with(&change)?;
    if !after.passes(&w.question) {
        return None;
    }
    let mut fix = Fix::new(format!("accept {} at the forward hook", rule.describe()));
    fix.commands = change.commands(view.rules)?;
    fix.persistent.extend(change.persistent(view.rules));
    fix.also_allows.push(format!("{} from anywhere, also by its own address", rule.describe()));
    fix.verified = true;
    fix.changes.push(change);
    Some(fix)
}

fn at_forward(w: &Witness<'_>) -> bool {
    w.explained.walked.runs.iter().all(|r| r.hook == Hook::Forward && matches!(r.fate, Fate::Decided { .. }))
}

/// Would the packet pass with the port that it had before?
fn before_translation(view: &View<'_>, w: &Witness<'_>) -> bool {
    let Some((from, to, Some(port))) = w.ends() else { return false };
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
    let f = crate::blame::PacketFields::of(&run.packet);
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
