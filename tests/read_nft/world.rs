//! Reading a namespace, and writing what was read into another.

use nfblame::ruleset::Ruleset;
use nfblame_sys::Text;
use nfblame_sys::netlink::{Client, Family as Netlink};
use nfblame_sys::nft::expr::*;
use nfblame_sys::nft::*;

use crate::common::Netns;
use std::collections::HashMap;

pub const EVERY_EXPRESSION: &str = include_str!("../rulesets/every-expression.nft");

pub fn read(ns: &Netns) -> Ruleset {
    ns.run(Ruleset::read).unwrap_or_else(|e| panic!("{e}"))
}

/// Writes the tables of `r` into `ns`. Anonymous sets get their names anew, so rules find them by id.
pub fn write(ns: &Netns, r: &Ruleset) {
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

pub fn by_id(expr: &mut Expr, ids: &HashMap<Text, u32>) {
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
