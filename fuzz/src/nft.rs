//! nf_tables: messages of dumps and of notifications.

use nfblame::evaluate::Fact;
use nfblame::listing::{Blockers, Listing, Order, policies};
use nfblame::report::list;
use nfblame::ruleset::nft::{Chain, Set, Table};
use nfblame::ruleset::render::{Out, iptables, nft as render};
use nfblame::ruleset::{Backend, Ruleset, classify};
use nfblame::sys::Text;
use nfblame::sys::netlink::Message;
use nfblame::sys::nft::{self, Elements, Family, Flowtable, Notification, Object, Rule, TableFlags};
use nfblame::sys::uapi::nf_tables::*;
use nfblame::sys::uapi::nfnetlink::NFNL_SUBSYS_NFTABLES;

use super::messages;

/// `NFT_MSG_NEWRULE` messages, whatever their tables and chains hold beside.
pub fn nft_rule(data: &[u8]) {
    show(&ruleset(data, |kind| kind == NFT_MSG_NEWRULE));
}

/// `NFT_MSG_NEWSET` and `NFT_MSG_NEWSETELEM` messages.
pub fn nft_set(data: &[u8]) {
    show(&ruleset(data, |kind| matches!(kind, NFT_MSG_NEWSET | NFT_MSG_NEWSETELEM)));
}

/// All messages of a dump, and everything that `nfblame list` prints of them.
pub fn nft_ruleset(data: &[u8]) {
    let rules = ruleset(data, |_| true);
    show(&rules);
    let listing = Listing::new(&rules);
    let mut text = Vec::new();
    let blockers = Blockers::new(&listing, |queue| if queue == 0 { Fact::Is(false) } else { Fact::unknown("queue") })
        .find(Order::Packets);
    let policies = policies(&listing);
    // Writing into memory cannot fail.
    let _ = list::hooks(&listing, &mut text);
    let _ = list::json::hooks(&listing, &mut text);
    let _ = list::blockers(&blockers, &mut text);
    let _ = list::json::blockers(&listing, &blockers, &mut text);
    let _ = list::policies(&policies, &mut text);
    let _ = list::json::policies(&listing, &policies, &mut text);
}

/// Notifications.
pub fn nft_event(data: &[u8]) {
    for (_, _, m) in messages(data) {
        let _ = Notification::decode(&m);
        let _ = nft::Generation::decode(&m);
    }
}

/// In the words of all tools that could have written it, and as data.
fn show(rules: &Ruleset) {
    let mut text = Vec::new();
    for flags in 0..16_u8 {
        let is = |bit: u8| flags & 1 << bit != 0;
        let options = render::Options { handles: is(0), stateless: is(1), terse: is(2), numeric: is(3) };
        text.clear();
        let _ = render::ruleset(rules, options, &(), &mut text);
    }
    let mut out = Out::new();
    for table in &rules.nft {
        iptables::compat_table(table, true, &rules.ipsets, &mut out);
        out.truncate(0);
    }
    let _ = serde_json::to_writer(&mut text, rules);
}

/// Puts the messages together, as reading a dump does. Parents that are missing are made up.
pub(super) fn ruleset(data: &[u8], wanted: impl Fn(u8) -> bool) -> Ruleset {
    let mut rules = Ruleset::default();
    for (subsystem, kind, m) in messages(data) {
        if subsystem == NFNL_SUBSYS_NFTABLES && wanted(kind) {
            let _ = add(&mut rules.nft, kind, &m);
        }
    }
    rules.nft.iter_mut().for_each(classify::classify);
    rules
}

fn add(tables: &mut Vec<Table>, kind: u8, m: &Message<'_>) -> Option<()> {
    match kind {
        NFT_MSG_NEWTABLE => tables.push(empty(nft::Table::decode(m).ok()?)),
        NFT_MSG_NEWCHAIN => {
            let def = nft::Chain::decode(m).ok()?;
            table(tables, def.family, &def.table)?.chains.push(Chain { def, backend: Backend::Nft, rules: Vec::new() });
        }
        NFT_MSG_NEWRULE => {
            let rule = Rule::decode(m).ok()?;
            let chains = &mut table(tables, rule.family, &rule.table)?.chains;
            if chains.iter().all(|c| c.def.name != rule.chain) {
                let def = nft::Chain::new(rule.family, rule.table.clone(), rule.chain.clone(), None);
                chains.push(Chain { def, backend: Backend::Nft, rules: Vec::new() });
            }
            chains.iter_mut().find(|c| c.def.name == rule.chain)?.rules.push(rule);
        }
        NFT_MSG_NEWSET => {
            let def = nft::Set::decode(m).ok()?;
            table(tables, def.family, &def.table)?.sets.push(Set { def, elements: Vec::new() });
        }
        NFT_MSG_NEWSETELEM => {
            let portion = Elements::decode(m).ok()?;
            let sets = &mut table(tables, portion.family, &portion.table)?.sets;
            sets.iter_mut().rev().find(|s| s.def.name == portion.set)?.elements.extend(portion.elements);
        }
        NFT_MSG_NEWOBJ => {
            let object = Object::decode(m).ok()?;
            table(tables, object.family, &object.table)?.objects.push(object);
        }
        NFT_MSG_NEWFLOWTABLE => {
            let flowtable = Flowtable::decode(m).ok()?;
            table(tables, flowtable.family, &flowtable.table)?.flowtables.push(flowtable);
        }
        _ => {}
    }
    Some(())
}

fn table<'t>(tables: &'t mut Vec<Table>, family: Family, name: &Text) -> Option<&'t mut Table> {
    if tables.iter().all(|t| (t.def.family, &t.def.name) != (family, name)) {
        tables.push(empty(nft::Table::new(family, name.clone(), TableFlags::empty())));
    }
    tables.iter_mut().find(|t| (t.def.family, &t.def.name) == (family, name))
}

fn empty(def: nft::Table) -> Table {
    let (chains, sets, objects, flowtables) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    Table { def, backend: Backend::Nft, chains, sets, objects, flowtables }
}
