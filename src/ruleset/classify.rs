//! Telling what iptables-nft and its kin made from what nft made: both live in nf_tables, and nothing there says so.

use super::Backend;
use super::nft::{Chain, Table};
use crate::sys::nft::expr::{Limit, LimitFlags, LimitKind, Log, MetaKey};
use crate::sys::nft::{BaseChain, ChainKind, Expr, Family, Hook, Rule};

/// What the rules of a chain say of their maker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traits {
    /// One has an xtables match or target.
    extensions: bool,
    /// One is none that iptables could show.
    foreign: bool,
}

impl Traits {
    /// Takes a rule into account.
    pub fn note(&mut self, rule: &Rule) {
        self.extensions |= rule.exprs.iter().any(|e| matches!(e, Expr::Match(_) | Expr::Target(_)));
        self.foreign |= !is_iptables_rule(rule.family, rule);
    }

    /// Takes rules into account that others noted.
    pub fn join(&mut self, others: Self) {
        self.extensions |= others.extensions;
        self.foreign |= others.foreign;
    }
}

/// Sets the backend of a table and its chains from what they are called and made of.
///
/// A base chain is iptables' if it has one of its built-in names at the hook, priority and type that it gives it, in
/// a table of its name. A table is if it has such a chain, or a rule with an xtables match or target. Other chains
/// follow their table, except base chains of other makes and chains with rules that iptables could not show.
pub fn classify(table: &mut Table) {
    let of_chain = |chain: &Chain| {
        let mut traits = Traits::default();
        chain.rules.iter().for_each(|rule| traits.note(rule));
        traits
    };
    let traits: Vec<Traits> = table.chains.iter().map(of_chain).collect();
    classify_by(table, &traits);
}

/// The same by the traits of each chain's rules, which need not be there.
pub fn classify_by(table: &mut Table, traits: &[Traits]) {
    let (family, name) = (table.def.family, table.def.name.as_str().unwrap_or_default().to_owned());
    let ours = BUILTIN_TABLES.iter().any(|(f, names)| *f == family && names.contains(&name.as_str()));
    let is_builtin = |chain: &Chain| {
        chain.def.base.as_ref().is_some_and(|base| is_builtin(family, &name, chain.def.name.as_bytes(), base))
    };
    let compat = ours && (table.chains.iter().any(is_builtin) || traits.iter().any(|t| t.extensions));
    table.backend = if compat { Backend::NftCompat } else { Backend::Nft };
    for (chain, traits) in table.chains.iter_mut().zip(traits) {
        let native = match chain.def.base {
            Some(_) => !is_builtin(chain),
            None => traits.foreign,
        };
        chain.backend = if compat && !native { Backend::NftCompat } else { Backend::Nft };
    }
}

/// The backend of a rule in a chain: a built-in chain of iptables may hold rules that only nft could have made.
pub fn of_rule(chain: &Chain, rule: &Rule) -> Backend {
    match chain.backend {
        Backend::NftCompat if !is_iptables_rule(chain.def.family, rule) => Backend::Nft,
        backend => backend,
    }
}

/// Is it made of nothing but what iptables-nft itself can read back?
fn is_iptables_rule(family: Family, rule: &Rule) -> bool {
    rule.exprs.iter().all(|e| match e {
        Expr::Match(_)
        | Expr::Target(_)
        | Expr::Payload(_)
        | Expr::Meta(_)
        | Expr::Cmp(_)
        | Expr::Range(_)
        | Expr::Bitwise(_)
        | Expr::Counter(_)
        | Expr::Immediate(_) => true,
        Expr::Limit(Limit { kind, flags, .. }) => *kind == LimitKind::Packets && *flags == LimitFlags::empty(),
        Expr::Log(Log { group, .. }) => group.is_some(),
        // TRACE.
        Expr::MetaSet(set) => set.key == MetaKey::Nftrace,
        // ebtables' among match.
        Expr::Lookup(l) => family == Family::Bridge && l.set.as_bytes().starts_with(b"__set"),
        _ => false,
    })
}

const BUILTIN_TABLES: &[(Family, &[&str])] = &[
    (Family::Ip, &["filter", "nat", "mangle", "raw", "security"]),
    (Family::Ip6, &["filter", "nat", "mangle", "raw", "security"]),
    (Family::Arp, &["filter"]),
    (Family::Bridge, &["filter", "nat"]),
];

fn is_builtin(family: Family, table: &str, chain: &[u8], base: &BaseChain) -> bool {
    let hook = match chain {
        b"PREROUTING" => Hook::Prerouting,
        b"INPUT" => Hook::Input,
        b"FORWARD" => Hook::Forward,
        b"OUTPUT" => Hook::Output,
        b"POSTROUTING" => Hook::Postrouting,
        _ => return false,
    };
    base.hook == hook && builtin(family, table, chain) == Some((base.kind.clone(), base.priority))
}

/// The type and priority that iptables-nft 1.8 gives a built-in chain.
fn builtin(family: Family, table: &str, chain: &[u8]) -> Option<(ChainKind, i32)> {
    use ChainKind::{Filter, Nat, Route};
    Some(match (family, table, chain) {
        (Family::Ip | Family::Ip6, "raw", b"PREROUTING" | b"OUTPUT") => (Filter, -300),
        (Family::Ip | Family::Ip6, "mangle", b"OUTPUT") => (Route, -150),
        (Family::Ip | Family::Ip6, "mangle", _) => (Filter, -150),
        (Family::Ip | Family::Ip6, "nat", b"PREROUTING" | b"OUTPUT") => (Nat, -100),
        (Family::Ip | Family::Ip6, "nat", b"INPUT" | b"POSTROUTING") => (Nat, 100),
        (Family::Ip | Family::Ip6, "filter", b"INPUT" | b"FORWARD" | b"OUTPUT") => (Filter, 0),
        (Family::Ip | Family::Ip6, "security", b"INPUT" | b"FORWARD" | b"OUTPUT") => (Filter, 150),
        (Family::Arp, "filter", b"INPUT" | b"OUTPUT" | b"FORWARD") => (Filter, 0),
        (Family::Bridge, "filter", b"INPUT" | b"FORWARD" | b"OUTPUT") => (Filter, -200),
        (Family::Bridge, "nat", b"PREROUTING") => (Filter, -300),
        (Family::Bridge, "nat", b"OUTPUT") => (Filter, 100),
        (Family::Bridge, "nat", b"POSTROUTING") => (Filter, 300),
        _ => return None,
    })
}
