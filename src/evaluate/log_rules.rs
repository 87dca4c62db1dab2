//! Which rules log: where a logged packet was when it was logged.

use rustc_hash::FxHashMap;

use crate::ruleset::Ruleset;
use crate::sys::Text;
use crate::sys::nft::Expr;
use crate::sys::xt::{self, Action, Target};

use super::place::{ChainRef, Place, TableRef};

/// A rule that logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRule {
    /// Where it stands.
    pub at: Place,
    /// For nf_tables: the index of the expression that logs.
    pub expr: Option<usize>,
    /// The NFLOG group; none for the kernel's own log, which reaches group 0 where NFLOG is the family's logger.
    pub group: Option<u16>,
    /// Does it change the packet before it logs? Then what was logged is not what its conditions were held against.
    pub alters: bool,
}

/// The rules that log, by what their records carry.
#[derive(Debug, Default)]
pub struct LogRules {
    by_prefix: FxHashMap<Text, Vec<LogRule>>,
}

impl LogRules {
    /// Finds them all.
    pub fn new(rules: &Ruleset) -> Self {
        let mut found = Self::default();
        for (t, table) in rules.nft.iter().enumerate() {
            for (c, chain) in table.chains.iter().enumerate() {
                for (r, rule) in chain.rules.iter().enumerate() {
                    let chain = ChainRef { table: TableRef::Nft(t), chain: c };
                    let at = Place { chain, position: Some(r + 1) };
                    for (e, expr) in rule.exprs.iter().enumerate() {
                        let logs = match expr {
                            Expr::Log(log) => Some((log.group, log.prefix.clone().unwrap_or_default())),
                            Expr::Target(blob) => xt::Family::from_nfproto(table.def.family.code()).and_then(|f| {
                                let name = blob.name.as_bytes();
                                of_target(&xt::targets::decode(f, name, blob.revision, &blob.data))
                            }),
                            _ => None,
                        };
                        if let Some((group, prefix)) = logs {
                            let alters = rule.exprs.iter().take(e).any(alters);
                            found.add(prefix, LogRule { at, expr: Some(e), group, alters });
                        }
                    }
                }
            }
        }
        for (t, table) in rules.xt.iter().enumerate() {
            for (c, chain) in table.chains().enumerate() {
                for rule in chain.rules() {
                    let Ok(Action::Target(raw)) = rule.action() else { continue };
                    let Some((group, prefix)) = of_target(&raw.decode(table.family())) else { continue };
                    let chain = ChainRef { table: TableRef::Xt(t), chain: c };
                    let at = Place { chain, position: Some(rule.position) };
                    found.add(prefix, LogRule { at, expr: None, group, alters: false });
                }
            }
        }
        found
    }

    fn add(&mut self, prefix: Text, rule: LogRule) {
        self.by_prefix.entry(prefix).or_default().push(rule);
    }

    /// The rules whose records look like this.
    pub fn find<'s>(&'s self, group: u16, prefix: &Text) -> impl Iterator<Item = &'s LogRule> {
        self.by_prefix
            .get(prefix)
            .into_iter()
            .flatten()
            .filter(move |r| r.group == Some(group) || (r.group.is_none() && group == 0))
    }

    /// The NFLOG groups that rules log to, in order.
    pub fn groups(&self) -> Vec<u16> {
        let mut groups: Vec<u16> = self.by_prefix.values().flatten().filter_map(|r| r.group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

/// Does this expression change the packet?
fn alters(e: &Expr) -> bool {
    matches!(
        e,
        Expr::MetaSet(_)
            | Expr::CtSet(_)
            | Expr::PayloadSet(_)
            | Expr::ExthdrSet(_)
            | Expr::ExthdrStrip(_)
            | Expr::Target(_)
    )
}

/// Group and prefix of a target that logs.
fn of_target(target: &Target<'_>) -> Option<(Option<u16>, Text)> {
    match target {
        Target::Nflog(t) => Some((Some(t.group), Text::new(t.prefix.as_bytes()))),
        Target::Log(t) => Some((None, Text::new(t.prefix.as_bytes()))),
        _ => None,
    }
}
