//! `NB0308`: a rule lets pass through this host whatever leaves by an interface, or everything.

use crate::analysis::{Axes, Region, What};
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::{Run, Step};
use crate::evaluate::{Decision, Hook, Place};
use crate::explain::{Question, Side};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::probe::{self, Peer, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::NEW;
use crate::finding::view::View;
use crate::fix::{Change, Trial};
use crate::manager;
use crate::sys::nft::expr::MetaKey;

pub(super) const CODE: Code = Code {
    id: "NB0308",
    title: "a rule lets pass whatever goes through this host",
    severity: Severity::Note,
    meaning: "it asks neither where packets come from nor who sends them, so that it is for everybody around this host",
    page: include_str!("../../../docs/findings/NB0308.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for family in ["ip", "ip6"] {
        for chain in view.chains_at(family, Hook::Forward) {
            let is_base = view.bases(chain).contains(&chain);
            let mut wide = Vec::new();
            act::each(view.rules, chain, |at, acts| wide.extend(acts.contains(&Act::Accept).then_some(at)));
            wide.retain(|at| asks_for_nobody(view, *at) && manager::of_rule(view.rules, *at).is_none());
            for at in wide {
                let through = let_through(view, at, family == "ip6");
                let beyond = through.iter().find(|(from, _)| !from.on_link);
                let mut networks: Vec<String> = through.iter().map(|(from, _)| from.place()).collect();
                networks.dedup();
                // What leads to another chain may have asked.
                if networks.is_empty() || beyond.is_none() && !is_base && networks.len() < 2 {
                    continue;
                }
                if found.iter().any(|f: &Finding| f.code == CODE.id && f.rules.iter().any(|r| r.at == at)) {
                    continue;
                }
                let message = match beyond {
                    Some((from, to)) => {
                        format!("anybody {} may begin connections to {}", from.place(), to.place())
                    }
                    None => {
                        let out = through.first().map_or_else(String::new, |(_, to)| to.link.to_string());
                        format!(
                            "whatever comes in, from any source, may leave by {out}: tried from {}",
                            networks.join(", ")
                        )
                    }
                };
                let mut finding = CODE
                    .finding(message)
                    .rule(view.rule(at).label("asks neither for an interface of arrival nor for a source").verdict());
                for (from, to) in through.iter().take(3) {
                    let words =
                        format!("tcp {} > {}:443, new, in {}: out by {}", from.remote, to.remote, from.link, to.link);
                    finding = finding.seen("simulation", words);
                }
                if beyond.is_some() {
                    finding =
                        finding.severity(Severity::Warning).possible("whether they are meant to, the rules do not say");
                }
                found.push(finding.note(
                    "say for whom it is: -i LAN -s NETWORK, iifname LAN ip saddr NETWORK; a rule for established connections lets the answers back",
                ));
            }
        }
    }
}

/// Is a rule only about what leaves by an interface, or about everything?
fn asks_for_nobody(view: &View<'_>, at: Place) -> bool {
    view.shape(at).is_some_and(|(axes, shape)| shape.exact && shape.regions.iter().any(|r| is_open(axes, r)))
}

fn is_open(axes: &Axes, region: &Region) -> bool {
    region.iter().all(|(axis, ranges)| match axes.what(axis) {
        Some(What::Family | What::Output | What::Meta(MetaKey::Oif, _)) => true,
        Some(What::State) => ranges.contains(u128::from(NEW.trailing_zeros())),
        _ => false,
    })
}

/// Who gets through where, thanks to that rule.
fn let_through<'v>(view: &'v View<'_>, at: Place, v6: bool) -> Vec<(&'v Peer, &'v Peer)> {
    let peers = || view.peers().iter().filter(move |p| p.own.is_ipv6() == v6);
    let mut all = Vec::new();
    let mut needed = None;
    for (from, to) in peers().flat_map(|from| peers().map(move |to| (from, to))).filter(|(a, b)| a.link != b.link) {
        let Some(q) = probe::packet(TCP, (from.remote, 45678), (to.remote, 443), CtState::New) else { continue };
        let q = Question { side: Side::In(from.link.clone()), ..q };
        let Some(e) = view.ask(&q) else { continue };
        if !e.passes() || e.walked.incomplete || !e.walked.runs.iter().all(|r| is_accepted(r, at)) {
            continue;
        }
        // Where nothing would stop it without the rule, it is not the rule that opens this host.
        let without = || Trial::new(view.rules, view.host).with(&Change::Remove { at });
        let stopped = || without().and_then(|t| t.run(&q)).is_some_and(|e| probe::stopped_at(&e).is_some());
        if *needed.get_or_insert_with(stopped) {
            all.push((from, to));
        }
    }
    all
}

fn is_accepted(run: &Run, at: Place) -> bool {
    run.steps.iter().any(|s| match s {
        Step::Rule { tried, .. } => tried.at == at && tried.matched && tried.decision == Decision::Accept,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::nft::expr::{Cmp, CmpOp, Meta};
    use crate::sys::nft::{BaseChain, Data, Expr, Family, Hook as At, Reg, Verdict};

    fn name(key: MetaKey, name: &[u8]) -> Vec<Expr> {
        let mut padded = [0; 16];
        padded.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
        vec![Meta { key, dreg: Reg::R1 }.into(), Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(padded) }.into()]
    }

    fn forward(policy: Verdict, conditions: Vec<Expr>) -> Ruleset {
        let base = BaseChain { policy, ..BaseChain::filter(At::Forward, 0) };
        let rule = [conditions, vec![testing::says(Verdict::Accept)]].concat();
        testing::with(testing::table(Family::Inet, "forward", Some(base), vec![rule]))
    }

    #[test]
    fn a_rule_for_everybody_is_found_and_one_for_a_network_is_not() {
        let host = testing::router();
        let told = |rules: &Ruleset| testing::find(&CODE, rules, &host).first().map(|f| f.severity);
        let out = || name(MetaKey::Oifname, b"eth0");
        assert_eq!(told(&forward(Verdict::Drop, out())), Some(Severity::Note));
        assert_eq!(told(&forward(Verdict::Drop, Vec::new())), Some(Severity::Warning), "from beyond, too");
        let narrow = [name(MetaKey::Iifname, b"lan"), out()].concat();
        assert_eq!(told(&forward(Verdict::Drop, narrow)), None);
        assert_eq!(told(&forward(Verdict::Accept, out())), None, "nothing is filtered");
    }
}
