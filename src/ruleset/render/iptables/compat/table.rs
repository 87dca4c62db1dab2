//! A whole table as `iptables-nft-save` prints it.

use nfblame_sys::nft::expr::{Expr, LimitFlags, LimitKind};
use nfblame_sys::nft::{ChainKind, Family, Hook, Rule, Verdict};

use super::super::{Names, Out, put};
use super::append_rule;
use crate::ruleset::nft::{Chain, Table};
use crate::ruleset::render::nft::View;
use crate::ruleset::{RuleTexts, RuleWriter};

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
    let refused = |c: &Chain| !c.rules.iter().all(is_compatible);
    write(table, refused, out, |chain, out| {
        chain.rules.iter().for_each(|rule| line(rule, with_counters, names, out));
    });
}

/// Appends the same of a table that was read [with its rules as text](crate::ruleset::Ruleset::read_nft_as_text), by
/// [`CompatLines`].
pub fn compat_table_of_texts(table: &Table, texts: &RuleTexts, out: &mut Out) {
    write(table, |c| texts.is_refused(table, c), out, |chain, out| out.bytes(texts.of(table, chain)));
}

/// Writes rules as they stand in the tool's listing, while they are read.
#[derive(Clone, Copy)]
pub struct CompatLines<'a> {
    with_counters: bool,
    names: &'a dyn Names,
}

impl<'a> CompatLines<'a> {
    /// With counters before them, or without.
    pub fn new(with_counters: bool, names: &'a dyn Names) -> Self {
        Self { with_counters, names }
    }
}

impl RuleWriter for CompatLines<'_> {
    fn write(&self, _view: &View<'_>, rules: &[Rule], out: &mut Out) {
        rules.iter().for_each(|rule| line(rule, self.with_counters, self.names, out));
    }

    fn refuses(&self, rule: &Rule) -> bool {
        !is_compatible(rule)
    }
}

fn line(rule: &Rule, with_counters: bool, names: &dyn Names, out: &mut Out) {
    append_rule(rule, with_counters, names, out);
    out.str("\n");
}

fn write(table: &Table, is_refused: impl Fn(&Chain) -> bool, out: &mut Out, rules: impl Fn(&Chain, &mut Out)) {
    let family = table.def.family;
    let name = table.def.name.as_bytes();
    let Some((_, builtin)) = builtin(family, name) else { return };
    let chain_at = |b: &Builtin| table.chains.iter().find(|c| is_builtin(c, b));
    let mut user: Vec<&Chain> = table.chains.iter().filter(|c| c.def.base.is_none()).collect();
    user.sort_by(|a, b| a.def.name.cmp(&b.def.name));
    let chains = || builtin.iter().filter_map(chain_at).chain(user.iter().copied());
    if chains().any(is_refused) {
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
    chains().for_each(|chain| rules(chain, out));
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

/// Is it made of what the tool takes for its own?
fn is_compatible(rule: &Rule) -> bool {
    rule.exprs.iter().all(|expr| match expr {
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
    })
}
