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
pub use protocols::protocol_name;

use super::ipset::IpSets;
use super::{Backend, Ruleset};
use crate::evaluate::{Place, TableRef};
use crate::sys::Text;

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
    let position = at.position?;
    let names = names(rules);
    match at.chain.table {
        TableRef::Xt(t) => {
            let table = rules.xt.get(t)?;
            let chain = table.chains().nth(at.chain.chain)?;
            let name = chain.name().as_bytes();
            Some(iptables::legacy_rule(name, &chain.rule(position)?, false, &names).to_string())
        }
        TableRef::Nft(t) => {
            let table = rules.nft.get(t)?;
            let rule = table.chains.get(at.chain.chain)?.rule(position)?;
            if backend == Backend::NftCompat {
                return Some(iptables::compat_rule(rule, false, &names).to_string());
            }
            let options = nft::Options { stateless: true, ..nft::Options::default() };
            let rendered = nft::rule(&nft::View::new(table), rule, options, &nft::System::new());
            Some(terminal_safe(rendered.text.as_bytes()))
        }
    }
}

/// A line of a tool as it is, but for what could fool a terminal. A backslash stays single: the tools' quoting uses it.
fn terminal_safe(line: &[u8]) -> String {
    let mut out = String::with_capacity(line.len());
    for (i, part) in line.split(|&b| b == b'\\').enumerate() {
        if i > 0 {
            out.push('\\');
        }
        // Writing into a string cannot fail.
        let _ = crate::sys::text::escape_to(part, &mut out);
    }
    out
}
