//! Reading real rulesets from the real kernel, against the real tools.

mod common;

use common::{Netns, require};
use nfblame::ruleset::{Backend, Ruleset};
use nfblame_sys::Text;
use nfblame_sys::nft::expr::*;
use nfblame_sys::nft::*;

const EVERY_EXPRESSION: &str = include_str!("rulesets/every-expression.nft");

fn read(ns: &Netns) -> Ruleset {
    ns.run(Ruleset::read).unwrap_or_else(|e| panic!("{e}"))
}

fn table<'a>(r: &'a Ruleset, family: Family, name: &str) -> &'a nfblame::ruleset::nft::Table {
    let found = r.nft.iter().find(|t| t.def.family == family && t.def.name == name);
    found.unwrap_or_else(|| panic!("no table {family} {name}"))
}

#[test]
fn every_expression_is_understood_to_its_last_attribute() {
    if !require(&["nft"]) {
        return;
    }
    let ns = Netns::new();
    ns.nft(EVERY_EXPRESSION);
    let r = read(&ns);
    assert_eq!(r.problems, []);
    for t in &r.nft {
        assert!(t.def.unread.is_empty(), "{:?}", t.def);
        for c in &t.chains {
            assert!(c.def.unread.is_empty(), "{:?}", c.def);
            for rule in &c.rules {
                assert!(rule.is_whole(), "{} {}: {rule:#?}", t.def.name, c.def.name);
            }
        }
        for s in &t.sets {
            assert!(s.def.unread.is_empty(), "{:?}", s.def);
            assert!(s.elements.iter().all(Element::is_whole), "{s:#?}");
        }
        for o in &t.objects {
            assert!(o.unread.is_empty() && !matches!(o.data, None | Some(ObjectData::Unknown { .. })), "{o:#?}");
        }
    }
}
