//! `NB0703`: rules of which nobody can say whose they are.

use crate::evaluate::Place;
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::listing::chains;

pub(super) const CODE: Code = Code {
    id: "NB0703",
    title: "rules that lose packets have neither a comment nor a manager",
    severity: Severity::Note,
    meaning: "nobody can tell who put them there and what for",
    page: include_str!("../../../docs/findings/NB0703.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let (mut all, mut nobodys, mut first) = (0usize, 0usize, None);
    for chain in chains(view.rules) {
        let mut losing: Vec<Place> = Vec::new();
        act::each(view.rules, chain, |at, acts| losing.extend(acts.iter().any(Act::is_loss).then_some(at)));
        for at in losing {
            all += 1;
            let c = view.describer().culprit_of(at, None);
            if c.comment.is_none() && c.manager.is_none() {
                nobodys += 1;
                first = first.or(Some(at));
            }
        }
    }
    let Some(at) = first else { return };
    found.push(
        CODE.finding(format!(
            "{nobodys} of {all} rules that drop or reject say neither by a comment nor by their place whose they are"
        ))
        .rule(view.rule(at).label("the first of them"))
        .note("a comment costs nothing: -m comment --comment \"why, who, when\", or comment \"…\" in nftables"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::{BaseChain, Family, Hook, Verdict};

    #[test]
    fn rules_that_drop_are_counted_unless_their_place_tells() {
        let rules = |table: &str| {
            let drops = vec![vec![testing::says(Verdict::Drop)], vec![testing::says(Verdict::Accept)]];
            let mut t = testing::table(Family::Ip, "in", Some(BaseChain::filter(Hook::Input, 0)), drops);
            t.def.name = table.into();
            testing::with(t)
        };
        let host = testing::server();
        let found = testing::find(&CODE, &rules("mine"), &host);
        assert!(found[0].message.starts_with("1 of 1 rules"), "{}", found[0].message);
        assert_eq!(testing::find(&CODE, &rules("firewalld"), &host), []);
    }
}
