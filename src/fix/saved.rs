//! How a change of iptables' rules is made to last, in the file that netfilter-persistent loads.

use crate::manager;
use crate::ruleset::{Backend, Ruleset};
use crate::sys::Text;

/// What the file has to be given where it cannot be written anew.
pub(super) enum Line<'a> {
    /// A rule of a chain, as iptables-restore reads it. A built-in chain needs no more than its table.
    Added { table: &'a Text, own_chain: Option<&'a Text>, rule: String },
    /// A rule is not to be there any more.
    Gone(String),
}

/// The command. What others keep in iptables' tables would be saved with the rest, and be there twice, or be out of date, after
/// the next boot: then the one line alone is written. None: no command says that.
pub(super) fn command(rules: &Ruleset, backend: Backend, v6: bool, line: Option<Line<'_>>) -> Option<String> {
    let (tool, v) = if v6 { ("ip6tables", "v6") } else { ("iptables", "v4") };
    let file = format!("/etc/iptables/rules.{v}");
    let others = manager::in_iptables(rules, backend, v6);
    if others.is_empty() {
        let variant = if backend == Backend::Xtables { "legacy" } else { "nft" };
        return Some(format!("{tool}-{variant}-save > {file}"));
    }
    let because = format!(
        "# {tool}-save would save the rules of {}, too",
        others.iter().map(|m| m.name).collect::<Vec<_>>().join(", ")
    );
    Some(match line? {
        Line::Gone(rule) if !rule.contains('\'') => {
            format!("grep -vxF -e '{rule}' {file} > {file}.new; mv {file}.new {file}  {because}")
        }
        Line::Added { table, own_chain, rule } if !rule.contains(['\'', '|', '&', '\\']) => {
            let (from, there) = match own_chain {
                // A chain that is not declared there would make the whole file one that is refused.
                Some(chain) => (format!("^:{chain} "), String::new()),
                None => (
                    format!("^\\*{table}"),
                    format!("grep -qs '^\\*{table}' {file} || printf '*{table}\\nCOMMIT\\n' >> {file}; "),
                ),
            };
            format!("{there}sed -i '/{from}/,/^COMMIT/s|^COMMIT|{rule}\\n&|' {file}  {because}")
        }
        _ => return None,
    })
}
