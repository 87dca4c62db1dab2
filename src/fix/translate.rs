//! A rule that translates sources, where no chain is there yet that it could stand in.

use crate::blame::describe::family_name;
use crate::evaluate::{ChainRef, Hook};
use crate::listing::{Hooks, Met};
use crate::manager;
use crate::ruleset::nft::{Chain, Table};
use crate::ruleset::{Backend, Ruleset};
use crate::sys::Text;
use crate::sys::nft::{self, BaseChain, ChainKind, Family, Rule, TableFlags};
use crate::sys::xt;

use super::change::{self, Change, is_owned};
use super::rule::{NewRule, is_plain};
use super::saved::{self, Line};

/// `NF_IP_PRI_NAT_SRC`
const PRIORITY: i32 = 100;
/// The hooks of the legacy table `nat`: all but forward.
const LEGACY_HOOKS: u32 = 0b11011;

/// A chain at postrouting with one rule in it, and its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    backend: Backend,
    family: Family,
    table: Text,
    chain: Text,
    rule: NewRule,
}

/// Ways to add a rule that translates sources: at the end of each chain that does so already, behind what somebody may have
/// excepted; where there is none that is nobody's, in a chain of its own.
pub fn ways(rules: &Ruleset, rule: &NewRule) -> Vec<Change> {
    let family = if rule.v6 { "ip6" } else { "ip" };
    let stands = Hooks::of(rules).into_iter().filter(|h| h.hook == Hook::Postrouting && h.family == family);
    let chains: Vec<ChainRef> = stands
        .flat_map(|h| h.stands)
        .filter_map(|s| match s.met {
            Met::NatChain(chain) => Some(chain),
            _ => None,
        })
        .collect();
    let (kept, free): (Vec<_>, Vec<_>) =
        chains.into_iter().filter(|c| !is_owned(rules, c.table)).partition(|c| manager::of_chain(rules, *c).is_some());
    let insert = |chain: ChainRef| {
        let position = crate::listing::len(rules, chain) + 1;
        Change::Insert { chain, position, rule: rule.clone() }
    };
    let own = free.is_empty().then(|| Change::Translate(Translation::new(rules, rule)));
    free.into_iter().map(insert).chain(own).chain(kept.into_iter().map(insert)).collect()
}

impl Translation {
    /// In the words of whatever has rules for the family now: beside destinations that are translated, if there are any.
    fn new(rules: &Ruleset, rule: &NewRule) -> Self {
        let (family, other) = if rule.v6 { (Family::Ip6, xt::Family::Ip6) } else { (Family::Ip, xt::Family::Ip) };
        let natting = |t: &&Table| {
            let nat = |c: &Chain| c.def.base.as_ref().is_some_and(|b| b.kind == ChainKind::Nat);
            matches!(t.def.family, f if f == family || f == Family::Inet) && t.chains.iter().any(nat)
        };
        let plain = |t: &&Table| !t.def.flags.contains(TableFlags::OWNER) && is_plain(&t.def.name);
        let beside = rules.nft.iter().filter(natting).filter(plain).find(|t| t.backend == Backend::Nft);
        let new = |backend, table: Text, chain: &str| Self {
            backend,
            family,
            table,
            chain: chain.into(),
            rule: rule.clone(),
        };
        if let Some(t) = beside.filter(|t| !t.chains.iter().any(|c| c.def.name == "postrouting")) {
            return Self { family: t.def.family, ..new(Backend::Nft, t.def.name.clone(), "postrouting") };
        }
        if rules.nft.iter().any(|t| t.def.family == family && t.backend == Backend::NftCompat) {
            return new(Backend::NftCompat, "nat".into(), "POSTROUTING");
        }
        if rules.xt.iter().any(|t| t.family() == other) {
            return new(Backend::Xtables, "nat".into(), "POSTROUTING");
        }
        let used = |name: &str| rules.nft.iter().any(|t| t.def.family == family && t.def.name == name);
        let table = if used("nat") { "source_nat" } else { "nat" };
        new(Backend::Nft, table.into(), "postrouting")
    }

    /// Adds it to a copy. None: it cannot be added.
    pub(super) fn apply(&self, rules: &mut Ruleset) -> Option<()> {
        // What is registered is known of the rules as they are.
        rules.registered = None;
        if self.backend == Backend::Xtables {
            return self.legacy(rules);
        }
        let base = BaseChain { kind: ChainKind::Nat, ..BaseChain::filter(nft::Hook::Postrouting, PRIORITY) };
        let (table, chain) = (self.table.clone(), self.chain.clone());
        let rule = Rule::new(self.family, table.clone(), chain.clone(), self.rule.exprs(self.family));
        let def = nft::Chain::new(self.family, table.clone(), chain, Some(base));
        let chain = Chain { def, backend: self.backend, rules: vec![rule] };
        let same = |t: &&mut Table| t.def.family == self.family && t.def.name == table;
        match rules.nft.iter_mut().find(same) {
            Some(t) => t.chains.push(chain),
            None => rules.nft.push(Table {
                def: nft::Table::new(self.family, table, TableFlags::empty()),
                backend: self.backend,
                chains: vec![chain],
                sets: Vec::new(),
                objects: Vec::new(),
                flowtables: Vec::new(),
            }),
        }
        Some(())
    }

    fn legacy(&self, rules: &mut Ruleset) -> Option<()> {
        let family = if self.rule.v6 { xt::Family::Ip6 } else { xt::Family::Ip };
        let (hook_entry, underflow) = ([0; 5], [0; 5]);
        let name = self.table.clone();
        let info = xt::Info { name, valid_hooks: LEGACY_HOOKS, hook_entry, underflow, num_entries: 5, size: 0 };
        let mut draft = xt::Draft::new(family, &info);
        draft.chains.iter_mut().find(|c| c.name == self.chain)?.rules.push(self.rule.draft(family));
        rules.xt.push(draft.build().ok()?);
        Some(())
    }

    /// The commands that add it.
    pub(super) fn commands(&self, rules: &Ruleset) -> Option<Vec<String>> {
        let words = Some(self.rule.words(self.backend)).filter(|_| self.rule.is_plain())?;
        let tool = |variant| format!("{}-{variant} -t nat -A POSTROUTING {words}", self.tool());
        if self.backend == Backend::Xtables {
            return Some(vec![tool("legacy")]);
        }
        if self.backend == Backend::NftCompat {
            return Some(vec![tool("nft")]);
        }
        let table = format!("{} {}", family_name(self.family), self.table);
        let there = rules.nft.iter().any(|t| t.def.family == self.family && t.def.name == self.table);
        let mut all: Vec<String> = (!there).then(|| format!("nft add table {table}")).into_iter().collect();
        let chain = &self.chain;
        all.push(format!("nft 'add chain {table} {chain} {{ type nat hook postrouting priority {PRIORITY}; }}'"));
        all.push(format!("nft add rule {table} {chain} {words}"));
        Some(all)
    }

    /// The command that makes it last.
    pub(super) fn persistent(&self, rules: &Ruleset) -> Option<String> {
        if self.backend == Backend::Nft {
            return Some(change::save(rules, &[(self.family, self.table.clone())], change::NFTABLES));
        }
        let rule = format!("-A POSTROUTING {}", self.rule.words(self.backend));
        saved::command(
            rules,
            self.backend,
            self.rule.v6,
            Some(Line::Added { table: &self.table, own_chain: None, rule }),
        )
    }

    fn tool(&self) -> &'static str {
        if self.rule.v6 { "ip6tables" } else { "iptables" }
    }
}
