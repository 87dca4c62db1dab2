//! One change of rules or settings.

use crate::evaluate::{ChainRef, Place, TableRef};
use crate::ruleset::{Backend, Ruleset};
use crate::sys::Text;
use crate::sys::nft::Rule;
use crate::sys::xt::Draft;

use super::patched::Patched;
use super::rule::{NewRule, is_plain};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets a sysctl.
    Sysctl {
        /// The key.
        key: String,
        /// Its new value.
        value: String,
    },
    /// Puts a rule before the one at that position of a chain; behind the last one: appends it.
    Insert {
        /// The chain.
        chain: ChainRef,
        /// The position that the new rule will have, from 1.
        position: usize,
        /// The rule.
        rule: NewRule,
    },
    /// Takes a rule away.
    Remove {
        /// The rule.
        at: Place,
    },
}

impl Change {
    /// Applies it to copies. False: it cannot be applied to this ruleset.
    pub fn apply(&self, rules: &mut Ruleset, host: &mut Patched<'_>) -> bool {
        match self {
            Self::Sysctl { key, value } => {
                host.set(key, value);
                true
            }
            Self::Insert { chain, position, rule } => insert(rules, *chain, *position, rule).is_some(),
            Self::Remove { at } => remove(rules, *at).is_some(),
        }
    }

    /// The commands that make it, in a ruleset that has not been changed yet. None: there is a name that no command line
    /// can hold safely.
    pub fn command(&self, rules: &Ruleset) -> Option<String> {
        match self {
            Self::Sysctl { key, value } => Some(format!("sysctl -w {key}={value}")),
            Self::Insert { chain, position, rule } => insertion(rules, *chain, *position, rule),
            Self::Remove { at } => removal(rules, *at),
        }
    }

    /// The commands that make it last.
    pub fn persistent(&self, rules: &Ruleset) -> Option<String> {
        match self {
            Self::Sysctl { key, value } => Some(format!("echo '{key} = {value}' >> /etc/sysctl.d/90-nfblame.conf")),
            Self::Insert { chain, .. } | Self::Remove { at: Place { chain, .. } } => {
                Some(match backend(rules, *chain)? {
                    Backend::Nft => "nft -s list ruleset > /etc/nftables.conf".into(),
                    b => {
                        let (tool, v) = (tool(rules, *chain, b)?, if is_v6(rules, *chain) { "v6" } else { "v4" });
                        format!("{tool}-save > /etc/iptables/rules.{v}")
                    }
                })
            }
        }
    }
}

fn insert(rules: &mut Ruleset, chain: ChainRef, position: usize, rule: &NewRule) -> Option<()> {
    let index = position.checked_sub(1)?;
    match chain.table {
        TableRef::Nft(t) => {
            let table = rules.nft.get_mut(t)?;
            let (family, name) = (table.def.family, table.def.name.clone());
            let chain = table.chains.get_mut(chain.chain)?;
            let exprs = rule.exprs(family);
            let new = Rule::new(family, name, chain.def.name.clone(), exprs);
            (index <= chain.rules.len()).then(|| chain.rules.insert(index, new))
        }
        TableRef::Xt(t) => {
            let table = rules.xt.get_mut(t)?;
            let mut draft = Draft::try_from(&*table).ok()?;
            let chain = draft.chains.get_mut(chain.chain)?;
            if index > chain.rules.len() {
                return None;
            }
            chain.rules.insert(index, rule.draft(draft.family));
            *table = draft.build().ok()?;
            Some(())
        }
    }
}

fn remove(rules: &mut Ruleset, at: Place) -> Option<()> {
    let index = at.position?.checked_sub(1)?;
    match at.chain.table {
        TableRef::Nft(t) => {
            let chain = rules.nft.get_mut(t)?.chains.get_mut(at.chain.chain)?;
            (index < chain.rules.len()).then(|| drop(chain.rules.remove(index)))
        }
        TableRef::Xt(t) => {
            let table = rules.xt.get_mut(t)?;
            let mut draft = Draft::try_from(&*table).ok()?;
            let chain = draft.chains.get_mut(at.chain.chain)?;
            (index < chain.rules.len()).then(|| drop(chain.rules.remove(index)))?;
            *table = draft.build().ok()?;
            Some(())
        }
    }
}

fn removal(rules: &Ruleset, at: Place) -> Option<String> {
    let (table, chain, handle) = match at.chain.table {
        TableRef::Nft(t) => {
            let table = rules.nft.get(t)?;
            let chain = table.chains.get(at.chain.chain)?;
            (&table.def.name, &chain.def.name, Some((table.def.family, chain.rule(at.position?)?.handle)))
        }
        TableRef::Xt(t) => {
            let table = rules.xt.get(t)?;
            (table.name(), table.chains().nth(at.chain.chain)?.name(), None)
        }
    };
    if !is_plain(table) || !is_plain(chain) {
        return None;
    }
    match (backend(rules, at.chain)?, handle) {
        (Backend::Nft, Some((family, handle))) => Some(format!(
            "nft delete rule {} {table} {chain} handle {handle}",
            crate::blame::describe::family_name(family)
        )),
        (backend, _) => {
            let table = if *table == "filter" { String::new() } else { format!("-t {table} ") };
            Some(format!("{} {table}-D {chain} {}", tool(rules, at.chain, backend)?, at.position?))
        }
    }
}

fn insertion(rules: &Ruleset, chain: ChainRef, position: usize, rule: &NewRule) -> Option<String> {
    let backend = backend(rules, chain)?;
    let words = rule.words(backend);
    if !rule.is_plain() {
        return None;
    }
    match chain.table {
        TableRef::Nft(t) => {
            let table = rules.nft.get(t)?;
            let c = table.chains.get(chain.chain)?;
            if ![&table.def.name, &c.def.name].into_iter().all(is_plain) {
                return None;
            }
            let name =
                format!("{} {} {}", crate::blame::describe::family_name(table.def.family), table.def.name, c.def.name);
            // A rule that was inserted before has no handle yet; which of two that accept comes first does not matter.
            let next = c.rules.get(position.checked_sub(1)?..)?.iter().find(|r| r.handle != 0);
            match (backend, next) {
                (Backend::Nft, _) if position == 1 => Some(format!("nft insert rule {name} {words}")),
                (Backend::Nft, Some(next)) => Some(format!("nft insert rule {name} handle {} {words}", next.handle)),
                (Backend::Nft, None) => Some(format!("nft add rule {name} {words}")),
                _ => iptables(rules, chain, backend, &c.def.name, position, &words),
            }
        }
        TableRef::Xt(t) => {
            let c = rules.xt.get(t)?.chains().nth(chain.chain)?;
            is_plain(c.name()).then(|| iptables(rules, chain, backend, c.name(), position, &words)).flatten()
        }
    }
}

fn iptables(
    rules: &Ruleset,
    at: ChainRef,
    backend: Backend,
    chain: &Text,
    position: usize,
    words: &str,
) -> Option<String> {
    let table = match at.table {
        TableRef::Nft(t) => &rules.nft.get(t)?.def.name,
        TableRef::Xt(t) => rules.xt.get(t)?.name(),
    };
    let table = if *table == "filter" { String::new() } else { format!("-t {table} ") };
    Some(format!("{} {table}-I {chain} {position} {words}", tool(rules, at, backend)?))
}

/// The tool that changes a chain of iptables.
fn tool(rules: &Ruleset, chain: ChainRef, backend: Backend) -> Option<String> {
    let variant = if backend == Backend::Xtables { "legacy" } else { "nft" };
    let family = if is_v6(rules, chain) { "ip6tables" } else { "iptables" };
    Some(format!("{family}-{variant}"))
}

fn is_v6(rules: &Ruleset, chain: ChainRef) -> bool {
    match chain.table {
        TableRef::Nft(t) => rules.nft.get(t).is_some_and(|t| t.def.family == crate::sys::nft::Family::Ip6),
        TableRef::Xt(t) => rules.xt.get(t).is_some_and(|t| t.family() == crate::sys::xt::Family::Ip6),
    }
}

/// Whose words change a chain.
fn backend(rules: &Ruleset, chain: ChainRef) -> Option<Backend> {
    let at = Place { chain, position: None };
    Some(crate::blame::describe::Describer { rules, history: None }.backend(at))
}
