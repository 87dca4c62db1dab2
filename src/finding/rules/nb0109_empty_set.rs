//! `NB0109`: a rule asks for members of a set that has none.

use super::nb0108_empty_map::is_filled_by_rules;
use crate::evaluate::{ChainRef, Place, TableRef};
use crate::finding::act::{Act, acts};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::listing::chains;
use crate::sys::nft::{Expr, SetFlags};
use crate::sys::xt::{Match, matches};

pub(super) const CODE: Code = Code {
    id: "NB0109",
    title: "rule asks for members of an empty set",
    severity: Severity::Note,
    meaning: "the set that the rule looks packets up in is empty: the rule matches nothing, or with an inversion everything",
    page: include_str!("../../../docs/findings/NB0109.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        for (at, set, inverted) in empty(view, chain) {
            let accepts = acts(view.rules, at).is_some_and(|a| a.contains(&Act::Accept));
            let loses = acts(view.rules, at).is_some_and(|a| a.iter().any(Act::is_loss));
            // Lists of whom to shut out are often empty; lists of whom to let in are not meant to be.
            let strange = accepts != inverted && (accepts || loses);
            let rule = view.rule(at);
            // Whoever keeps the set fills it when there is something to put in it.
            let severity = if strange && rule.entry.manager.is_none() { Severity::Warning } else { Severity::Note };
            let what = if inverted { "everything is outside of it" } else { "the rule matches nothing" };
            found.push(
                CODE.finding(format!("set {set} is empty: {what}"))
                    .severity(severity)
                    .rule(rule.label(what).deciding(&[&format!("@{set}"), &set])),
            );
        }
    }
}

/// Rules of a chain that ask a set without elements: the set, and whether for what is not in it.
fn empty(view: &View<'_>, chain: ChainRef) -> Vec<(Place, String, bool)> {
    let at = |position| Place { chain, position: Some(position) };
    let mut all = Vec::new();
    match chain.table {
        TableRef::Nft(t) => {
            let Some(table) = view.rules.nft.get(t) else { return all };
            let family = crate::sys::xt::Family::from_nfproto(table.def.family.code());
            let rules = table.chains.get(chain.chain).map_or(&[][..], |c| &c.rules);
            for (n, rule) in (1..).zip(rules) {
                for e in &rule.exprs {
                    match e {
                        Expr::Lookup(l) if l.dreg.is_none() => {
                            let set = table.set(&l.set).filter(|s| s.elements.is_empty());
                            let named = set.filter(|s| !s.def.flags.contains(SetFlags::ANONYMOUS));
                            if named.is_some_and(|s| !is_filled_by_rules(table, &s.def.name, s.def.flags)) {
                                all.push((at(n), l.set.to_string(), l.inverted()));
                            }
                        }
                        Expr::Match(blob) => {
                            let Some(family) = family else { continue };
                            let m = matches::decode(family, blob.name.as_bytes(), blob.revision, &blob.data);
                            all.extend(ipset(view, &m).map(|(set, inverted)| (at(n), set, inverted)));
                        }
                        _ => {}
                    }
                }
            }
        }
        TableRef::Xt(t) => {
            let Some(table) = view.rules.xt.get(t) else { return all };
            for rule in table.nth_chain(chain.chain).into_iter().flat_map(|c| c.rules()) {
                for raw in rule.entry.matches().flatten() {
                    let m = raw.decode(table.family());
                    all.extend(ipset(view, &m).map(|(set, inverted)| (at(rule.position), set, inverted)));
                }
            }
        }
    }
    all
}

/// The ipset that a match asks, if it is empty and nothing fills it by itself.
fn ipset(view: &View<'_>, m: &Match<'_>) -> Option<(String, bool)> {
    let Match::Set(s) = m else { return None };
    let set = view.rules.ipsets.by_index(s.set.index)?;
    let fixed = set.members().is_empty() && set.header().options.timeout.is_none();
    fixed.then(|| (set.header().name.to_string(), s.invert()))
}
