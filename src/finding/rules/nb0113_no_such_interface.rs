//! `NB0113`: rules for interfaces that are not there.

use std::collections::BTreeMap;

use crate::evaluate::Place;
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::selects;
use crate::finding::view::View;
use crate::listing::chains;
use crate::manager;
use crate::sys::Text;
use crate::sys::rt::Link;

pub(super) const CODE: Code = Code {
    id: "NB0113",
    title: "rules are for an interface that does not exist",
    severity: Severity::Note,
    meaning: "no packet comes in or goes out there; by number (`iif`), a new interface of the same name is not meant",
    page: include_str!("../../../docs/findings/NB0113.md"),
    check,
    why: None,
};

/// An interface as rules name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Index(u32),
    Name(Vec<u8>),
}

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(links) = view.host.links().known() else { return };
    for (named, (at, count)) in absent(view, &links) {
        let rules = if count == 1 { "a rule is".to_owned() } else { format!("{count} rules are") };
        found.push(match named {
            Named::Index(index) => CODE
                .finding(format!("{rules} for the interface with number {index}, and there is none"))
                .severity(Severity::Warning)
                .rule(view.rule(at).label(format!("no interface has number {index}")).condition(&["iif", "oif"]))
                .note("`iif` and `oif` are numbers in the kernel: when the interface is made again it gets another one, and the rule never matches again")
                .note("write the rule again, by name: `iifname`, `oifname`"),
            Named::Name(name) => CODE
                .finding(format!("{rules} for {}, and there is no interface of that name", Text::new(&name)))
                .rule(view.rule(at).label("there is no such interface").deciding(&[&Text::new(&name).to_string()]))
                .possible("it may come later, as those of VPNs, containers and modems do"),
        });
    }
}

/// The interfaces that rules name which let packets pass, and that are not there: the first such rule, and how many.
fn absent(view: &View<'_>, links: &[Link]) -> BTreeMap<Named, (Place, usize)> {
    let mut all: BTreeMap<Named, (Place, usize)> = BTreeMap::new();
    let lets = |a: &Act| {
        matches!(
            a,
            Act::Accept | Act::Dnat(_) | Act::Snat(_) | Act::Masquerade | Act::Redirect | Act::Jump(_) | Act::Goto(_)
        )
    };
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, acts| {
            // Managers write rules for what they are about to make, and take them away again.
            if !acts.iter().any(lets) || manager::of_rule(view.rules, at).is_some() {
                return;
            }
            let Some(s) = selects(view.rules, at) else { return };
            let missing = |names: &[Text]| !names.is_empty() && names.iter().all(|n| !links.iter().any(|l| fits(n, l)));
            for names in [&s.iif, &s.oif].into_iter().filter(|names| missing(names)) {
                for n in names {
                    all.entry(Named::Name(n.as_bytes().to_vec())).or_insert((at, 0)).1 += 1;
                }
            }
            let gone =
                |indexes: &[u32]| !indexes.is_empty() && indexes.iter().all(|i| links.iter().all(|l| l.index != *i));
            for indexes in [&s.iif_index, &s.oif_index].into_iter().filter(|i| gone(i)) {
                for i in indexes {
                    all.entry(Named::Index(*i)).or_insert((at, 0)).1 += 1;
                }
            }
        });
    }
    all
}

/// Is the interface meant? A name that ends in `*` (iptables: `+`) stands for all that begin so.
fn fits(name: &Text, link: &Link) -> bool {
    let have = link.name.as_bytes();
    match name.as_bytes() {
        [prefix @ .., b'*' | b'+'] => have.starts_with(prefix),
        whole => have == whole || link.alt_names.iter().any(|n| n.as_bytes() == whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::expr::{Cmp, CmpOp, Meta, MetaKey};
    use crate::sys::nft::{BaseChain, Data, Expr, Family, Hook, Reg, Verdict};

    fn by(key: MetaKey, data: &[u8]) -> crate::ruleset::Ruleset {
        let rule: Vec<Expr> = vec![
            Meta { key, dreg: Reg::R1 }.into(),
            Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(data) }.into(),
            testing::says(Verdict::Accept),
        ];
        testing::with(testing::table(Family::Inet, "input", Some(BaseChain::filter(Hook::Input, 0)), vec![rule]))
    }

    #[test]
    fn what_exists_is_not_told() {
        let host = testing::server();
        let name = |n: &[u8]| {
            let mut padded = [0; 16];
            padded.iter_mut().zip(n).for_each(|(to, from)| *to = *from);
            testing::find(&CODE, &by(MetaKey::Iifname, &padded), &host)
        };
        assert_eq!(name(b"eth0"), []);
        assert_eq!(name(b"eth7").len(), 1);
        assert_eq!(testing::find(&CODE, &by(MetaKey::Iifname, b"eth"), &host), [], "a prefix");
        assert_eq!(testing::find(&CODE, &by(MetaKey::Iif, &2u32.to_ne_bytes()), &host), []);
        let stale = testing::find(&CODE, &by(MetaKey::Iif, &7u32.to_ne_bytes()), &host);
        assert_eq!(stale.first().map(|f| f.severity), Some(Severity::Warning));
    }
}
