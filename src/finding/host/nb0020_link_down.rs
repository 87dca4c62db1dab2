//! `NB0020`: rules name an interface that carries nothing.

use std::collections::BTreeMap;

use crate::evaluate::Place;
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::selects;
use crate::finding::view::View;
use crate::listing::chains;
use crate::sys::Text;
use crate::sys::rt::LinkFlags;

pub(super) const CODE: Code = Code {
    id: "NB0020",
    title: "rules let packets through by an interface that is down",
    severity: Severity::Note,
    meaning: "the interface is switched off, or has no carrier: nothing comes in or goes out there",
    page: include_str!("../../../docs/findings/NB0020.md"),
    check,
    why: None,
};

/// `IF_OPER_DOWN`, `IF_OPER_LOWERLAYERDOWN`.
const DOWN: [u8; 2] = [2, 3];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(links) = view.host.links().known() else { return };
    let down: Vec<_> =
        links.iter().filter(|l| !l.flags.contains(LinkFlags::UP) || DOWN.contains(&l.operstate)).collect();
    if down.is_empty() {
        return;
    }
    let named = named(view);
    for link in down {
        let Some((first, count)) = named.get(link.name.as_bytes()) else { continue };
        let up = link.flags.contains(LinkFlags::UP);
        let state = if up { "has no carrier" } else { "is switched off" };
        let mut finding = CODE
            .finding(match count {
                1 => format!("{} {state}, and a rule is for what passes there", link.name),
                n => format!("{} {state}, and {n} rules are for what passes there", link.name),
            })
            .rule(view.rule(*first).label(format!("{} {state}", link.name)).deciding(&[&link.name.to_string()]))
            .seen("rtnetlink: link", format!("{}: up {up}, operational state {}", link.name, link.operstate));
        if up && link.kind.as_ref().is_some_and(|k| *k == "bridge") {
            finding = finding.note("a bridge has no carrier while none of its ports has: containers or virtual machines may not be running");
        }
        if !up {
            finding = finding.fix(Fix::new("switch it on").command(format!("ip link set dev {} up", link.name)));
        }
        found.push(finding);
    }
}

/// The interfaces that rules name which let packets through: the first such rule, and how many there are.
fn named(view: &View<'_>) -> BTreeMap<Vec<u8>, (Place, usize)> {
    let mut all: BTreeMap<Vec<u8>, (Place, usize)> = BTreeMap::new();
    let lets = |a: &Act| matches!(a, Act::Accept | Act::Dnat(_) | Act::Snat(_) | Act::Masquerade | Act::Redirect);
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, acts| {
            if !acts.iter().any(lets) {
                return;
            }
            let Some(s) = selects(view.rules, at) else { return };
            for name in s.iif.iter().chain(&s.oif).map(Text::as_bytes) {
                all.entry(name.to_vec()).or_insert((at, 0)).1 += 1;
            }
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::expr::{Cmp, CmpOp, Meta, MetaKey};
    use crate::sys::nft::{BaseChain, Data, Family, Hook, Reg, Verdict};

    #[test]
    fn only_interfaces_that_rules_name_are_told() {
        let mut name = *b"eth1\0\0\0\0\0\0\0\0\0\0\0\0";
        name[4] = 0;
        let rule = vec![
            Meta { key: MetaKey::Iifname, dreg: Reg::R1 }.into(),
            Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(name) }.into(),
            testing::says(Verdict::Accept),
        ];
        let base = Some(BaseChain::filter(Hook::Input, 0));
        let rules = testing::with(testing::table(Family::Inet, "input", base, vec![rule]));
        let mut host = testing::server();
        host.add_link(3, "eth1", LinkFlags::UP).add_link(4, "eth2", LinkFlags::empty());
        assert_eq!(testing::find(&CODE, &rules, &host), []);
        host.links[2].flags = LinkFlags::empty();
        let found = testing::find(&CODE, &rules, &host);
        assert_eq!((found.len(), found[0].fix[0].commands[0].as_str()), (1, "ip link set dev eth1 up"));
    }
}
