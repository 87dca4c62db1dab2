//! Which tables to list: `filter`, `inet filter`, `ip6`.

use std::fmt;

use crate::blame::describe::{family_name, xt_family_name};
use crate::ruleset::Ruleset;
use crate::sys::Text;
use crate::sys::text::Escaped;

const FAMILIES: [&str; 6] = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];

/// Which tables to list. Words name tables of any family; a family before a word makes it a table of that family, and
/// one alone means all tables of the family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    wanted: Vec<Wanted>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    family: Option<&'static str>,
    table: Option<Text>,
}

/// A table that was asked for and is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no table \"{0}\" in this network namespace")]
pub struct NoSuchTable(String);

impl Wanted {
    fn takes(&self, family: &str, table: &Text) -> bool {
        self.family.is_none_or(|f| f == family) && self.table.as_ref().is_none_or(|t| t == table)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.family, &self.table) {
            (Some(family), Some(table)) => write!(f, "{family} {table}"),
            (Some(family), None) => f.write_str(family),
            (None, table) => write!(f, "{}", Escaped(table.as_ref().map_or(b"", |t| t.as_bytes()))),
        }
    }
}

impl Selector {
    /// Takes the words of a command line.
    pub fn new<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Self {
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut family = None;
        // `inet filter` may be one word, too.
        let words: Vec<String> =
            words.into_iter().flat_map(|w| w.as_ref().split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
        for word in words.iter().filter(|w| !w.is_empty()) {
            match (family, FAMILIES.iter().find(|f| **f == word)) {
                (None, Some(f)) => family = Some(*f),
                _ => wanted.push(Wanted { family: family.take(), table: Some(word.as_str().into()) }),
            }
        }
        if family.is_some() {
            wanted.push(Wanted { family, table: None });
        }
        Self { wanted }
    }

    /// Does it let every table pass?
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Does it let a table pass?
    pub fn takes(&self, family: &str, table: &Text) -> bool {
        self.is_empty() || self.wanted.iter().any(|w| w.takes(family, table))
    }

    /// Takes all other tables out of a ruleset.
    ///
    /// # Errors
    /// When a table that was named, or any of a family, is not there.
    pub fn apply(&self, rules: &mut Ruleset) -> Result<(), NoSuchTable> {
        for w in self.wanted.iter().filter(|w| w.table.is_some()) {
            let nft = rules.nft.iter().any(|t| w.takes(family_name(t.def.family), &t.def.name));
            let xt = rules.xt.iter().any(|t| w.takes(xt_family_name(t.family()), t.name()));
            if !nft && !xt {
                return Err(NoSuchTable(w.to_string()));
            }
        }
        rules.nft.retain(|t| self.takes(family_name(t.def.family), &t.def.name));
        rules.xt.retain(|t| self.takes(xt_family_name(t.family()), t.name()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_tables_families_or_both() {
        let takes = |words: &[&str], family: &str, table: &str| Selector::new(words).takes(family, &table.into());
        assert!(takes(&[], "ip", "nat"));
        assert!(takes(&["nat"], "ip", "nat") && takes(&["nat"], "ip6", "nat") && !takes(&["nat"], "ip", "raw"));
        assert!(takes(&["ip6", "nat"], "ip6", "nat") && !takes(&["ip6", "nat"], "ip", "nat"));
        assert!(takes(&["ip6 nat"], "ip6", "nat") && !takes(&["ip6 nat"], "ip", "nat"));
        assert!(takes(&["raw", "ip6"], "ip6", "nat") && takes(&["raw", "ip6"], "ip", "raw"));
        assert!(takes(&["inet", "ip"], "inet", "ip") && !takes(&["inet", "ip"], "ip", "inet"), "a table called ip");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let e = Selector::new(["inet", "gone"]).apply(&mut Ruleset::default());
        assert_eq!(e, Err(NoSuchTable("inet gone".into())));
    }
}
