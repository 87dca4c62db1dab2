//! `NB0303`: private addresses leave for the Internet as they are.

use std::net::IpAddr;

use crate::analysis::{Region, What};
use crate::blame::packet::is_private;
use crate::blame::{CulpritKind, PacketFields, Verdict};
use crate::evaluate::Place;
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::Run;
use crate::explain::{Question, Side};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::probe::{self, Peer, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::finding::witness::number;
use crate::fix::{Change, NewRule, Trial, translations};
use crate::listing::chains;
use crate::manager;

pub(super) const CODE: Code = Code {
    id: "NB0303",
    title: "packets with private addresses leave untranslated",
    severity: Severity::Warning,
    meaning: "nobody beyond can answer them: masquerading is missing, or its rule looks for another interface or source",
    page: include_str!("../../../docs/findings/NB0303.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for from in view.peers().iter().filter(|p| p.on_link && is_private(p.remote)) {
        for to in view.peers().iter().filter(|to| !to.on_link && to.link != from.link) {
            if to.own.is_ipv4() != from.own.is_ipv4() || !leaves_as_it_is(view, from, to) {
                continue;
            }
            let meant = source_rule(view, from);
            // Behind another private network somebody else may translate, or know the way back.
            let behind = is_private(to.own);
            if meant.is_none() && behind {
                continue;
            }
            let mut finding = CODE
                .finding(format!("packets of {} leave by {} with their private source address", from.place(), to.link))
                .seen(
                    "simulation",
                    format!("tcp {} > {}, new: out by {} from {}", from.remote, to.remote, to.link, from.remote),
                );
            finding =
                match meant {
                    Some(at) => {
                        finding.rule(
                            view.rule(at)
                                .label(format!("does not match them: they leave by {}", to.link))
                                .condition(&["oifname", "oif", "-o", "ip saddr", "ip6 saddr", "-s"]),
                        )
                    }
                    // Docker and others switch forwarding on, on hosts that nobody takes for a router.
                    None => finding.severity(Severity::Note).possible(
                        "whether anybody there sends through this host: nothing shows that they are meant to",
                    ),
                };
            if behind {
                finding = finding.possible(format!(
                    "{} has a private address, too: who is beyond it may know the way back",
                    to.link
                ));
            }
            let fix = masqueraded(view, from, to);
            if fix.is_none() {
                finding = finding.note(format!("masquerade what leaves by {}: nft add rule ip nat postrouting oifname {} masquerade, iptables -t nat -A POSTROUTING -o {} -j MASQUERADE", to.link, to.link, to.link));
            }
            found.push(finding.fixes(fix));
            return;
        }
    }
}

/// A rule where sources are translated, behind exceptions that somebody may have made.
fn masqueraded(view: &View<'_>, from: &Peer, to: &Peer) -> Option<Fix> {
    let rule = NewRule { v6: to.own.is_ipv6(), oif: Some(to.link.clone()), masquerade: true, ..NewRule::default() };
    let own = |r: &Run| PacketFields::of(&r.packet).source == Some(to.own);
    let passes = |change: &Change| {
        let after = Trial::new(view.rules, view.host).with(change)?.run(&passing(from, to)?)?;
        (after.passes() && !after.walked.incomplete && after.walked.runs.iter().all(own)).then_some(())
    };
    let change = translations(view.rules, &rule).into_iter().find(|c| passes(c).is_some())?;
    let fix = Fix::new(format!("masquerade what leaves by {}", to.link)).change(change.clone());
    let fix = change.commands(view.rules)?.into_iter().fold(fix, Fix::command);
    let fix = change.persistent(view.rules).into_iter().fold(fix, Fix::persistent);
    Some(Fix { verified: true, ..fix })
}

/// A packet from one network through this host to another.
fn passing(from: &Peer, to: &Peer) -> Option<Question> {
    let q = probe::packet(TCP, (from.remote, 45678), (to.remote, 443), CtState::New)?;
    Some(Question { side: Side::In(from.link.clone()), ..q })
}

fn leaves_as_it_is(view: &View<'_>, from: &Peer, to: &Peer) -> bool {
    let Some(e) = passing(from, to).and_then(|q| view.ask(&q)) else { return false };
    let as_it_is = |r: &Run| {
        let f = PacketFields::of(&r.packet);
        f.source == Some(from.remote) && f.destination == Some(to.remote)
    };
    e.passes() && !e.walked.incomplete && e.walked.runs.iter().all(as_it_is)
}

/// A rule that gives packets another source, and that neither a manager keeps nor another network of this host is meant by.
fn source_rule(view: &View<'_>, from: &Peer) -> Option<Place> {
    let mut found = None;
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, acts| {
            let translates = acts.iter().any(|a| matches!(a, Act::Masquerade | Act::Snat(_)));
            if found.is_none()
                && translates
                && manager::of_rule(view.rules, at).is_none()
                && !is_for_another_network(view, at, from)
            {
                found = Some(at);
            }
        });
    }
    found
}

/// Does it ask for sources of a network of this host, and not of this one?
fn is_for_another_network(view: &View<'_>, at: Place, from: &Peer) -> bool {
    let what = if from.remote.is_ipv4() { What::Source4 } else { What::Source6 };
    let Some((axes, shape)) = view.shape(at) else { return false };
    let holds = |a: IpAddr| {
        let holds = |r: &Region| axes.asked(r, &what).is_none_or(|ranges| ranges.contains(number(a)));
        shape.regions.iter().any(holds)
    };
    let own = view.host.addresses().known();
    let mut own = own.iter().flat_map(|all| all.iter()).filter(|a| a.local.addr.is_ipv4() == from.remote.is_ipv4());
    !holds(from.remote) && own.any(|a| a.local.addr != from.own && holds(a.local.addr))
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let out = PacketFields::of(&case.explained.walked.runs.first()?.packet);
    let source = out.source?;
    // What is lost has not left.
    let leaves = case.explained.blame.verdict == Verdict::Accept && out.oif.is_some();
    (c.kind == CulpritKind::Nat && is_private(source) && !out.destination.is_some_and(is_private) && leaves).then(
        || format!("it leaves with the private source address {source}, to which nobody beyond knows the way back"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn a_router_that_does_not_translate_is_found() {
        let host = testing::router();
        let severity = |rules: &Ruleset| testing::find(&CODE, rules, &host).first().map(|f| f.severity);
        assert_eq!(severity(&Ruleset::default()), Some(Severity::Note), "it may not be meant to be a router");
        assert_eq!(testing::find(&CODE, &testing::masquerade(), &host), []);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &testing::behind_router()), [], "no router");
    }
}
