//! Rules in the words of the tool that owns them.

mod address;
pub mod ipset;
pub mod iptables;
mod labels;
pub mod nft;
mod out;
mod protocols;

pub use address::Address;
pub use out::Out;
pub(crate) use out::put;
pub use protocols::protocol_name;

use std::cell::OnceCell;

use super::ipset::IpSets;
use super::{Backend, Ruleset};
use crate::evaluate::{Place, TableRef};
use crate::sys::Text;
use crate::sys::nft::{Element, Family};

/// Names that rules refer to by number, from the ruleset and the system.
struct RuleNames<'a> {
    sets: &'a IpSets,
}

impl iptables::Names for RuleNames<'_> {
    fn set(&self, index: u16) -> Option<Text> {
        self.sets.by_index(index).map(|s| s.header().name.clone())
    }
}

/// The names for rendering rules of this ruleset.
pub fn names(rules: &Ruleset) -> impl iptables::Names + '_ {
    RuleNames { sets: &rules.ipsets }
}

/// The text of one rule in the words of its owner; what is not decoded stands in it raw and marked. None: no such rule.
pub fn rule(rules: &Ruleset, at: Place, backend: Backend) -> Option<String> {
    Lines::new(rules).rule(at, backend)
}

/// Renders many rules of one ruleset: what those of a table have in common is prepared once.
#[derive(Debug)]
pub struct Lines<'a> {
    rules: &'a Ruleset,
    views: Vec<OnceCell<nft::View<'a>>>,
    system: nft::System,
}

impl<'a> Lines<'a> {
    /// Nothing is prepared before it is needed.
    pub fn new(rules: &'a Ruleset) -> Self {
        let views = rules.nft.iter().map(|_| OnceCell::new()).collect();
        Self { rules, views, system: nft::System::new() }
    }

    /// The text of one rule in the words of its owner; what is not decoded stands in it raw and marked. What could fool
    /// a terminal is escaped. None: no such rule.
    pub fn rule(&self, at: Place, backend: Backend) -> Option<String> {
        let position = at.position?;
        let names = names(self.rules);
        match at.chain.table {
            TableRef::Xt(t) => {
                let table = self.rules.xt.get(t)?;
                let chain = table.nth_chain(at.chain.chain)?;
                let name = chain.name().as_bytes();
                Some(iptables::legacy_rule(name, &chain.rule(position)?, false, &names).to_string())
            }
            TableRef::Nft(t) => {
                let rule = self.rules.nft.get(t)?.chains.get(at.chain.chain)?.rule(position)?;
                // What ebtables-nft made has no words of its own here; nft has some for nearly all of it.
                if backend == Backend::NftCompat && rule.family != Family::Bridge {
                    return Some(iptables::compat_rule(rule, false, &names).to_string());
                }
                let rendered = nft::rule(self.view(t)?, rule, STATELESS, &self.system);
                Some(rendered.text.defanged())
            }
        }
    }

    /// The elements of a set of an nft table, each with its text, escaped likewise.
    pub fn elements(&self, table: usize, set: &Text) -> Vec<(&'a Element, String)> {
        let Some(view) = self.view(table) else { return Vec::new() };
        let all = nft::elements(view, set, STATELESS, &self.system);
        all.into_iter().map(|(element, text)| (element, text.defanged())).collect()
    }

    /// What an nft table holds beside chains.
    pub fn named(&self, table: usize) -> Vec<nft::Named<'a>> {
        self.view(table).map(|view| nft::named(view, nft::Options::default(), &self.system)).unwrap_or_default()
    }

    /// The elements of a set of an nft table with their counters and all, escaped likewise.
    pub fn full_elements(&self, table: usize, set: &Text) -> Vec<String> {
        let Some(view) = self.view(table) else { return Vec::new() };
        let all = nft::elements(view, set, nft::Options::default(), &self.system);
        all.into_iter().map(|(_, text)| text.defanged()).collect()
    }

    fn view(&self, table: usize) -> Option<&nft::View<'a>> {
        let def = self.rules.nft.get(table)?;
        Some(self.views.get(table)?.get_or_init(|| nft::View::exact(def)))
    }
}

/// Counters are shown apart from the text.
const STATELESS: nft::Options = nft::Options { handles: false, stateless: true, terse: false, numeric: false };
