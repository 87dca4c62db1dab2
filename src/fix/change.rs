//! One change of rules or settings.

use crate::blame::describe::{Describer, family_name};
use crate::evaluate::{ChainRef, Place, TableRef};
use crate::manager;
use crate::ruleset::{Backend, Ruleset};
use crate::sys::Text;
use crate::sys::nft::{Family, Rule, TableFlags};
use crate::sys::xt::{self, Draft};

use super::entry::Entry;
use super::listed::Listed;
use super::patched::Patched;
use super::rule::{NewRule, is_plain};
use super::saved::{self, Line};
use super::translate::Translation;

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
    /// Moves a rule of a chain before an earlier one.
    Move {
        /// The chain.
        chain: ChainRef,
        /// Its position, from 1.
        from: usize,
        /// The position that it will have.
        to: usize,
    },
    /// Takes a rule away.
    Remove {
        /// The rule.
        at: Place,
    },
    /// Takes an element out of a set.
    Unlist(Listed),
    /// Takes a route, a routing rule or an IPsec policy away.
    Without(Entry),
    /// Adds a chain that translates sources.
    Translate(Translation),
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
            Self::Move { chain, from, to } => rearrange(rules, *chain, *from, Some(*to)).is_some(),
            Self::Remove { at } => at.position.is_some_and(|p| rearrange(rules, at.chain, p, None).is_some()),
            Self::Unlist(listed) => listed.take_out(rules),
            Self::Without(what) => {
                host.without(what.clone());
                true
            }
            Self::Translate(new) => new.apply(rules).is_some(),
        }
    }

    /// The commands that make it, in a ruleset that has not been changed yet. None: there is a name or text that no
    /// command line can hold safely, or the kernel lets nobody but its owner change the table.
    pub fn commands(&self, rules: &Ruleset) -> Option<Vec<String>> {
        if self.table().is_some_and(|t| is_owned(rules, t)) {
            return None;
        }
        Some(match self {
            Self::Sysctl { key, value } => vec![format!("sysctl -w {key}={value}")],
            Self::Insert { chain, position, rule } => vec![insertion(rules, *chain, *position, rule)?],
            Self::Remove { at } => vec![deletion(rules, at.chain, at.position?, 0)?],
            Self::Unlist(listed) => vec![listed.command(rules)?],
            Self::Without(what) => vec![what.command()?],
            Self::Translate(new) => new.commands(rules)?,
            // First the new place, so that the rule is there at all times.
            Self::Move { chain, from, to } => {
                vec![copy(rules, *chain, *from, *to)?, deletion(rules, *chain, *from, 1)?]
            }
        })
    }

    /// What of it a file of iptables-save has to say. None: more than a line.
    fn line<'r>(&self, rules: &'r Ruleset) -> Option<Line<'r>> {
        match self {
            Self::Insert { chain, rule, .. } => {
                let (table, name, base) = match chain.table {
                    TableRef::Nft(t) => {
                        let table = rules.nft.get(t)?;
                        let chain = &table.chains.get(chain.chain)?.def;
                        (&table.def.name, &chain.name, chain.base.is_some())
                    }
                    TableRef::Xt(t) => {
                        let table = rules.xt.get(t)?;
                        let chain = table.nth_chain(chain.chain)?;
                        (table.name(), chain.name(), chain.hook().is_some())
                    }
                };
                if !is_plain(name) || name.as_bytes().contains(&b'/') {
                    return None;
                }
                let rule = format!("-I {name} {}", rule.words(backend(rules, *chain)?));
                Some(Line::Added { table, own_chain: (!base).then_some(name), rule })
            }
            Self::Remove { at } => Some(Line::Gone(Describer { rules, history: None, keepers: None }.text(*at)?)),
            _ => None,
        }
    }

    /// The table of nf_tables or xtables that it changes.
    fn table(&self) -> Option<TableRef> {
        match self {
            Self::Insert { chain, .. } | Self::Move { chain, .. } | Self::Remove { at: Place { chain, .. } } => {
                Some(chain.table)
            }
            Self::Unlist(Listed::Nft { table, .. }) => Some(TableRef::Nft(*table)),
            Self::Unlist(Listed::Ipset { .. }) | Self::Sysctl { .. } | Self::Without(_) | Self::Translate(_) => None,
        }
    }

    /// The commands that make it last. None: there are none, or somebody writes the rules there again.
    pub fn persistent(&self, rules: &Ruleset) -> Option<String> {
        match self {
            Self::Insert { chain, .. } | Self::Move { chain, .. } | Self::Remove { at: Place { chain, .. } }
                if manager::of_chain(rules, *chain).is_some() =>
            {
                None
            }
            Self::Sysctl { key, value } => Some(format!("echo '{key} = {value}' >> /etc/sysctl.d/90-nfblame.conf")),
            Self::Without(_) => None,
            Self::Unlist(listed) => listed.persistent(rules),
            Self::Translate(new) => new.persistent(rules),
            Self::Insert { chain, .. } | Self::Move { chain, .. } | Self::Remove { at: Place { chain, .. } } => {
                Some(match backend(rules, *chain)? {
                    Backend::Nft => save(rules, &[], NFTABLES),
                    _ if is_bridge(rules, *chain) => "ebtables-nft-save > /etc/ebtables.conf".into(),
                    b => return saved::command(rules, b, is_v6(rules, *chain), self.line(rules)),
                })
            }
        }
    }
}

/// Does the table belong to a program that runs (`NFT_TABLE_F_OWNER`)?
pub(super) fn is_owned(rules: &Ruleset, table: TableRef) -> bool {
    let TableRef::Nft(t) = table else { return false };
    rules.nft.get(t).is_some_and(|t| t.def.flags.contains(TableFlags::OWNER))
}

/// What nftables.service loads.
pub(super) const NFTABLES: &str = "/etc/nftables.conf";

/// The command that saves the tables of nft that nobody else keeps, and those that are `new`: as a file that can be loaded
/// again and again, and leaves alone what is not in it. The tables of others come back with them.
pub(crate) fn save(rules: &Ruleset, new: &[(Family, Text)], file: &str) -> String {
    let kept = |n: usize, chains: usize| {
        let of = |chain| manager::of_chain(rules, ChainRef { table: TableRef::Nft(n), chain });
        (0..chains).any(|chain| of(chain).is_some())
    };
    let native = rules.nft.iter().enumerate().filter(|(_, t)| t.backend == Backend::Nft && t.def.owner.is_none());
    let (kept, free): (Vec<_>, Vec<_>) = native.partition(|(n, t)| kept(*n, t.chains.len()));
    let others = !kept.is_empty() || rules.nft.iter().any(|t| t.backend != Backend::Nft);
    let named = free.iter().map(|(_, t)| (t.def.family, t.def.name.clone()));
    let mut names: Vec<(Family, Text)> = named.chain(new.iter().cloned()).filter(|(_, name)| is_plain(name)).collect();
    names.dedup();
    if !others || names.is_empty() {
        return format!("{{ echo flush ruleset; nft -s list ruleset; }} > {file}");
    }
    let names: Vec<String> = names.iter().map(|(family, name)| format!("'{} {name}'", family_name(*family))).collect();
    format!(
        "for t in {}; do echo \"table $t\"; echo \"delete table $t\"; nft -s list table $t; done > {file}",
        names.join(" ")
    )
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

/// Takes a rule out, and puts it in again before the one that stands at `to` then.
fn rearrange(rules: &mut Ruleset, chain: ChainRef, from: usize, to: Option<usize>) -> Option<()> {
    fn rearranged<T>(all: &mut Vec<T>, from: usize, to: Option<usize>) -> Option<()> {
        let (from, to) = (from.checked_sub(1)?, to.map(|t| t.checked_sub(1)));
        if from >= all.len() || to.is_some_and(|t| t.is_none_or(|t| t > from)) {
            return None;
        }
        let rule = all.remove(from);
        if let Some(to) = to.flatten() {
            all.insert(to, rule);
        }
        Some(())
    }
    match chain.table {
        TableRef::Nft(t) => rearranged(&mut rules.nft.get_mut(t)?.chains.get_mut(chain.chain)?.rules, from, to),
        TableRef::Xt(t) => {
            let table = rules.xt.get_mut(t)?;
            let mut draft = Draft::try_from(&*table).ok()?;
            rearranged(&mut draft.chains.get_mut(chain.chain)?.rules, from, to)?;
            *table = draft.build().ok()?;
            Some(())
        }
    }
}

/// The command that puts a rule once more before the one at `to`.
fn copy(rules: &Ruleset, chain: ChainRef, from: usize, to: usize) -> Option<String> {
    let describer = Describer { rules, history: None, keepers: None };
    let text = describer.text(Place { chain, position: Some(from) })?;
    // Nothing that a shell would take for something else, and nothing that is not understood.
    if text.contains(['\'', '$', '`', '\\', '!', '\n', '#']) {
        return None;
    }
    let name = names(rules, chain)?;
    match backend(rules, chain)? {
        Backend::Nft => {
            let handle = handle(rules, chain, to)?;
            Some(format!("nft 'insert rule {name} handle {handle} {text}'"))
        }
        b => {
            let words = text.split_once(' ')?.1.split_once(' ').map_or("", |(_, rest)| rest);
            let chain_name = chain_name(rules, chain)?;
            iptables(rules, chain, b, "-I", &chain_name, &format!("{to} {words}"))
        }
    }
}

/// The command that takes a rule out which `shifted` others were put before.
fn deletion(rules: &Ruleset, chain: ChainRef, position: usize, shifted: usize) -> Option<String> {
    match backend(rules, chain)? {
        Backend::Nft => {
            Some(format!("nft delete rule {} handle {}", names(rules, chain)?, handle(rules, chain, position)?))
        }
        b => {
            let chain_name = chain_name(rules, chain)?;
            iptables(rules, chain, b, "-D", &chain_name, &(position + shifted).to_string())
        }
    }
}

fn handle(rules: &Ruleset, chain: ChainRef, position: usize) -> Option<u64> {
    let TableRef::Nft(t) = chain.table else { return None };
    Some(rules.nft.get(t)?.chains.get(chain.chain)?.rule(position)?.handle).filter(|h| *h != 0)
}

/// A chain as the tools name it.
fn chain_name(rules: &Ruleset, chain: ChainRef) -> Option<Text> {
    let name = match chain.table {
        TableRef::Nft(t) => rules.nft.get(t)?.chains.get(chain.chain)?.def.name.clone(),
        TableRef::Xt(t) => rules.xt.get(t)?.nth_chain(chain.chain)?.name().clone(),
    };
    is_plain(&name).then_some(name)
}

/// Family, table and chain of nf_tables, as nft names them.
fn names(rules: &Ruleset, chain: ChainRef) -> Option<String> {
    let name = chain_name(rules, chain)?;
    let table = match chain.table {
        TableRef::Nft(t) => &rules.nft.get(t)?.def,
        TableRef::Xt(_) => return Some(name.to_string()),
    };
    is_plain(&table.name).then(|| format!("{} {} {name}", family_name(table.family), table.name))
}

fn insertion(rules: &Ruleset, chain: ChainRef, position: usize, rule: &NewRule) -> Option<String> {
    let backend = backend(rules, chain)?;
    let words = match is_bridge(rules, chain) && backend == Backend::NftCompat {
        true => rule.ebtables()?,
        false => rule.words(backend),
    };
    let name = names(rules, chain).filter(|_| rule.is_plain())?;
    if backend != Backend::Nft {
        return iptables(rules, chain, backend, "-I", &chain_name(rules, chain)?, &format!("{position} {words}"));
    }
    let TableRef::Nft(t) = chain.table else { return None };
    let c = rules.nft.get(t)?.chains.get(chain.chain)?;
    // A rule that was inserted before has no handle yet; which of two that accept comes first does not matter.
    let next = c.rules.get(position.checked_sub(1)?..)?.iter().find(|r| r.handle != 0);
    Some(match next {
        _ if position == 1 => format!("nft insert rule {name} {words}"),
        Some(next) => format!("nft insert rule {name} handle {} {words}", next.handle),
        None => format!("nft add rule {name} {words}"),
    })
}

fn iptables(rules: &Ruleset, at: ChainRef, backend: Backend, verb: &str, chain: &Text, words: &str) -> Option<String> {
    let table = match at.table {
        TableRef::Nft(t) => &rules.nft.get(t)?.def.name,
        TableRef::Xt(t) => rules.xt.get(t)?.name(),
    };
    let table = if *table == "filter" { String::new() } else { format!("-t {table} ") };
    Some(format!("{} {table}{verb} {chain} {words}", tool(rules, at, backend)?))
}

/// The tool of iptables that changes a chain. None: it is nft that does.
pub fn xtables_tool(rules: &Ruleset, chain: ChainRef) -> Option<String> {
    backend(rules, chain).filter(|b| *b != Backend::Nft).and_then(|b| tool(rules, chain, b))
}

/// The tool that changes a chain of iptables.
fn tool(rules: &Ruleset, chain: ChainRef, backend: Backend) -> Option<String> {
    let variant = if backend == Backend::Xtables { "legacy" } else { "nft" };
    let family = match family(rules, chain)? {
        Family::Ip => "iptables",
        Family::Ip6 => "ip6tables",
        Family::Arp => "arptables",
        Family::Bridge => "ebtables",
        _ => return None,
    };
    Some(format!("{family}-{variant}"))
}

fn family(rules: &Ruleset, chain: ChainRef) -> Option<Family> {
    match chain.table {
        TableRef::Nft(t) => rules.nft.get(t).map(|t| t.def.family),
        TableRef::Xt(t) => rules.xt.get(t).map(|t| match t.family() {
            xt::Family::Ip => Family::Ip,
            xt::Family::Ip6 => Family::Ip6,
            xt::Family::Arp => Family::Arp,
            xt::Family::Bridge => Family::Bridge,
        }),
    }
}

fn is_bridge(rules: &Ruleset, chain: ChainRef) -> bool {
    family(rules, chain) == Some(Family::Bridge)
}

fn is_v6(rules: &Ruleset, chain: ChainRef) -> bool {
    family(rules, chain) == Some(Family::Ip6)
}

/// Whose words change a chain.
fn backend(rules: &Ruleset, chain: ChainRef) -> Option<Backend> {
    let at = Place { chain, position: None };
    Some(Describer { rules, history: None, keepers: None }.backend(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn nobody_but_its_owner_is_told_to_change_a_table() {
        let mut rules = testing::input("drop", "");
        let chain = ChainRef { table: TableRef::Nft(0), chain: 0 };
        let change = Change::Insert { chain, position: 1, rule: NewRule::default() };
        assert!(change.commands(&rules).is_some() && change.persistent(&rules).is_some());
        rules.nft[0].def.flags |= TableFlags::OWNER;
        assert_eq!(change.commands(&rules), None);
    }

    #[test]
    fn nothing_makes_a_rule_last_where_somebody_writes_the_rules_again() {
        let mut rules = testing::input("drop", "");
        rules.nft[0].def.name = "firewalld".into();
        let chain = ChainRef { table: TableRef::Nft(0), chain: 0 };
        let change = Change::Insert { chain, position: 1, rule: NewRule::default() };
        assert!(change.commands(&rules).is_some());
        assert_eq!(change.persistent(&rules), None);
    }
}
