//! Reading real rulesets from the real kernel, against the real tools.

mod common;

use common::{Netns, require};
use std::collections::HashMap;

use nfblame::ruleset::Ruleset;
use nfblame_sys::Text;
use nfblame_sys::netlink::{Client, Family as Netlink};
use nfblame_sys::nft::*;

const EVERY_EXPRESSION: &str = include_str!("rulesets/every-expression.nft");

fn read(ns: &Netns) -> Ruleset {
    ns.run(Ruleset::read).unwrap_or_else(|e| panic!("{e}"))
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

/// Writes the tables of `r` into `ns`. Anonymous sets get their names anew, so rules find them by id.
fn write(ns: &Netns, r: &Ruleset) {
    let mut batch = Batch::new(None);
    for t in &r.nft {
        batch.add_table(&t.def);
        for o in &t.objects {
            batch.add_object(o);
        }
        for c in &t.chains {
            batch.add_chain(&c.def);
        }
        let mut ids = HashMap::new();
        for (id, s) in (1..).zip(&t.sets) {
            let mut def = s.def.clone();
            def.id = Some(id);
            ids.insert(def.name.clone(), id);
            if def.flags.contains(SetFlags::ANONYMOUS) {
                let kind = if def.flags.contains(SetFlags::MAP) { "__map%d" } else { "__set%d" };
                def.name = kind.into();
            }
            batch.add_set(&def);
            let elements = s.elements.clone();
            let (family, table, set) = (def.family, def.table.clone(), def.name.clone());
            batch.add_elements(&Elements { family, table, set, elements, unread: vec![] }, Some(id));
        }
        for c in &t.chains {
            for rule in &c.rules {
                let mut rule = rule.clone();
                rule.exprs.iter_mut().for_each(|e| by_id(e, &ids));
                batch.add_rule(&rule, Place::Append);
            }
        }
    }
    ns.run(|| batch.commit(&mut Client::open(Netlink::Netfilter).unwrap())).unwrap_or_else(|e| panic!("{e}"));
}

fn by_id(expr: &mut Expr, ids: &HashMap<Text, u32>) {
    let (set, id) = match expr {
        Expr::Lookup(l) => (&mut l.set, &mut l.set_id),
        Expr::ObjrefMap(o) => (&mut o.set, &mut o.set_id),
        _ => return,
    };
    if set.as_bytes().starts_with(b"__") {
        *id = ids.get(&*set).copied();
        *set = "__by_id".into();
    }
}

#[test]
fn what_is_read_and_written_back_lists_the_same() {
    if !require(&["nft"]) {
        return;
    }
    let (a, b) = (Netns::new(), Netns::new());
    // The kernel wants the id of a chain that is bound to its rule, and does not tell it.
    let bound = |line: &&str| !line.contains("jump {");
    a.nft(&EVERY_EXPRESSION.lines().filter(bound).collect::<Vec<_>>().join("\n"));
    let read_back = read(&a);
    write(&b, &read_back);
    let list = |ns: &Netns| ns.cmd("nft", &["list", "ruleset"], "").replace("__set", "").replace("__map", "");
    for (a, b) in list(&a).lines().zip(list(&b).lines()) {
        assert_eq!(a, b);
    }
    assert_eq!(list(&a), list(&b));
}
