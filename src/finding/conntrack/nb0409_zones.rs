//! `NB0409`: one direction of connections is tracked in a zone, the other is not.

use crate::evaluate::{Hook, Place};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::selects;
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0409",
    title: "packets that come in are tracked in a zone, and those that this host sends are not",
    severity: Severity::Note,
    meaning: "an answer in another zone belongs to no connection: it is new or invalid, and is not translated back",
    page: include_str!("../../../docs/findings/NB0409.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for family in ["ip", "ip6"] {
        let (incoming, own) = (zoned(view, family, Hook::Prerouting), zoned(view, family, Hook::Output));
        let (one_sided, missing) = match (incoming.first(), own.first()) {
            (Some(at), None) => (*at, "what this host sends"),
            (None, Some(at)) => (*at, "what comes in"),
            _ => continue,
        };
        found.push(
            CODE.finding(format!("a rule of {family} puts packets into a conntrack zone, and none does it with {missing}"))
                .rule(view.rule(one_sided).label("names a zone").condition(&["--zone", "--zone-orig", "--zone-reply", "ct zone", "ct original zone", "ct reply zone"]))
                .possible(
                    "it does no harm where only forwarded packets are meant, whose answers come in too; connections with this host itself are in two zones then",
                ),
        );
    }
}

/// The rules at a hook that name a zone.
fn zoned(view: &View<'_>, family: &str, hook: Hook) -> Vec<Place> {
    let mut all = Vec::new();
    for chain in view.chains_at(family, hook) {
        for n in 1..=view.listing.chain(chain).len {
            let at = Place { chain, position: Some(n) };
            all.extend(selects(view.rules, at).filter(|s| s.zone).map(|_| at));
        }
    }
    all
}
