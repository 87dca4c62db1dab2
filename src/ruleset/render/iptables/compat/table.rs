//! A whole table as `iptables-nft-save` prints it.

use nfblame_sys::nft::expr::{Expr, LimitFlags, LimitKind};
use nfblame_sys::nft::{ChainKind, Family, Hook, Verdict};

use super::super::{Names, Out, put};
use super::append_rule;
use crate::ruleset::nft::{Chain, Table};

/// A built-in chain: its hook, type and priority.
type Builtin = (Hook, ChainKind, i32);

/// The tables that the tools know, in the order they list them, with their built-in chains in the order of the hooks.
fn builtin(family: Family, table: &[u8]) -> Option<(usize, Vec<Builtin>)> {
    use ChainKind::{Filter, Nat, Route};
    use Hook::{Forward, Input, Output, Postrouting, Prerouting};
    let filter =
        |priority: i32| vec![(Input, Filter, priority), (Forward, Filter, priority), (Output, Filter, priority)];
    Some(match (family, table) {
        (Family::Arp, b"filter") => (3, vec![(Input, Filter, 0), (Output, Filter, 0)]),
        (Family::Ip | Family::Ip6, b"mangle") => (
            0,
            vec![
                (Prerouting, Filter, -150),
                (Input, Filter, -150),
                (Forward, Filter, -150),
                (Output, Route, -150),
                (Postrouting, Filter, -150),
            ],
        ),
        (Family::Ip | Family::Ip6, b"security") => (1, filter(150)),
        (Family::Ip | Family::Ip6, b"raw") => (2, vec![(Prerouting, Filter, -300), (Output, Filter, -300)]),
        (Family::Ip | Family::Ip6, b"filter") => (3, filter(0)),
        (Family::Ip | Family::Ip6, b"nat") => {
            (4, vec![(Prerouting, Nat, -100), (Input, Nat, 100), (Output, Nat, -100), (Postrouting, Nat, 100)])
        }
        _ => return None,
    })
}

/// Where `iptables-nft-save` lists that table among the others of its family; `None` if it does not.
pub fn table_order(table: &Table) -> Option<usize> {
    builtin(table.def.family, table.def.name.as_bytes()).map(|(order, _)| order)
}

/// Appends a whole table: its name, its chains with policies, its rules, `COMMIT`. Nothing for a table that is none of
/// iptables'. A table with rules that iptables cannot express is one line that says so, as the tool does.
pub fn compat_table(table: &Table, with_counters: bool, names: &dyn Names, out: &mut Out) {
    let family = table.def.family;
    let name = table.def.name.as_bytes();
    let Some((_, builtin)) = builtin(family, name) else { return };
    let chain_at = |b: &Builtin| table.chains.iter().find(|c| is_builtin(c, b));
    let mut user: Vec<&Chain> = table.chains.iter().filter(|c| c.def.base.is_none()).collect();
    user.sort_by(|a, b| a.def.name.cmp(&b.def.name));
    let chains = || builtin.iter().filter_map(chain_at).chain(user.iter().copied());
    if !chains().flat_map(|c| &c.rules).flat_map(|r| &r.exprs).all(is_compatible) {
        out.str("# Table `");
        out.bytes(name);
        out.str("' is incompatible, use 'nft' tool.\n");
        return;
    }
    if table.chains.iter().any(|c| c.def.base.is_some() && !builtin.iter().any(|b| is_builtin(c, b))) {
        out.str("# Table `");
        out.bytes(name);
        out.str("' contains incompatible base-chains, use 'nft' tool to list them.\n");
    }
    out.str("*");
    out.bytes(name);
    out.str("\n");
    for b in &builtin {
        let base = chain_at(b).and_then(|c| c.def.base.as_ref());
        let policy = if base.is_some_and(|b| b.policy == Verdict::Drop) { "DROP" } else { "ACCEPT" };
        put!(out, ":{} {policy}", chain_name(b.0));
        let counters = base.and_then(|b| b.counters).unwrap_or_default();
        if family != Family::Arp {
            put!(out, " [{}:{}]", counters.packets, counters.bytes);
        }
        out.str("\n");
    }
    for chain in &user {
        out.str(":");
        out.bytes(chain.def.name.as_bytes());
        out.str(if family == Family::Arp { " -\n" } else { " - [0:0]\n" });
    }
    for rule in chains().flat_map(|c| &c.rules) {
        append_rule(rule, with_counters, names, out);
        out.str("\n");
    }
    if family != Family::Arp {
        out.str("COMMIT\n");
    }
}

fn is_builtin(chain: &Chain, (hook, kind, priority): &Builtin) -> bool {
    let Some(base) = &chain.def.base else { return false };
    base.hook == *hook && base.kind == *kind && base.priority == *priority && chain.def.name == chain_name(*hook)
}

fn chain_name(hook: Hook) -> &'static str {
    match hook {
        Hook::Prerouting => "PREROUTING",
        Hook::Input => "INPUT",
        Hook::Forward => "FORWARD",
        Hook::Output => "OUTPUT",
        Hook::Postrouting => "POSTROUTING",
        Hook::Ingress | Hook::Egress | Hook::Unknown(_) => "",
    }
}

/// The expressions that the tool takes for its own.
fn is_compatible(expr: &Expr) -> bool {
    match expr {
        Expr::Match(_)
        | Expr::Target(_)
        | Expr::Payload(_)
        | Expr::PayloadSet(_)
        | Expr::Meta(_)
        | Expr::MetaSet(_)
        | Expr::Cmp(_)
        | Expr::Bitwise(_)
        | Expr::Counter(_)
        | Expr::Immediate(_)
        | Expr::Lookup(_)
        | Expr::Range(_) => true,
        Expr::Limit(l) => l.kind == LimitKind::Packets && l.flags == LimitFlags::empty(),
        Expr::Log(l) => l.group.is_some(),
        _ => false,
    }
}
