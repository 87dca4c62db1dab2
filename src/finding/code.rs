//! What can be found: stable codes, each with its page.

use super::GROUPS;
use super::report::{Finding, Severity};
use super::view::View;
use super::why::Case;

/// Looks for one kind of thing, and adds what it finds. What it cannot know it leaves unsaid, or tells as possible.
pub type Check = fn(&View<'_>, &mut Vec<Finding>);

/// One kind of finding.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// `NBxxxx`; never given to anything else, not even when it is no longer used.
    pub id: &'static str,
    /// What it is called: a clause without a full stop.
    pub title: &'static str,
    /// How bad it usually is.
    pub severity: Severity,
    /// What it means, in a line.
    pub meaning: &'static str,
    /// The page that documents it (Markdown).
    pub page: &'static str,
    /// Looks for it.
    pub check: Check,
    /// Does it say why one packet was lost? The reason as a sentence, if so; beside findings that name the culprit itself,
    /// which are always related to it.
    pub why: Option<fn(&Case<'_, '_>) -> Option<String>>,
}

impl Code {
    /// A new finding of this kind.
    pub fn finding(&self, message: impl Into<String>) -> Finding {
        Finding::new(self, message.into())
    }
}

/// All codes, by number.
pub fn codes() -> Vec<&'static Code> {
    let mut all: Vec<&'static Code> = GROUPS.iter().copied().flatten().copied().collect();
    all.sort_by_key(|c| c.id);
    all
}

/// The code of that name, in whatever case.
pub fn code(id: &str) -> Option<&'static Code> {
    GROUPS.iter().copied().flatten().copied().find(|c| c.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_belong_to_their_group() {
        let mut seen = HashSet::new();
        for (group, codes) in GROUPS.iter().enumerate() {
            for c in *codes {
                assert!(seen.insert(c.id), "{} is used twice", c.id);
                let digits = c.id.strip_prefix("NB").unwrap_or_default();
                assert!(digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()), "{}", c.id);
                assert_eq!(digits.get(..2), Some(format!("{group:02}").as_str()), "the group of {}", c.id);
            }
        }
    }

    #[test]
    fn documents_name_codes_that_there_are() {
        for text in [include_str!("../../docs/guide.md"), include_str!("../../docs/symptoms.md")] {
            let named = text.match_indices("NB").filter_map(|(at, _)| text.get(at..at + 6));
            let digits = |id: &&str| id.bytes().skip(2).all(|b| b.is_ascii_digit());
            for id in named.filter(digits) {
                assert!(code(id).is_some(), "{id}");
            }
        }
    }

    #[test]
    fn every_code_has_its_own_page_with_all_parts() {
        for c in codes() {
            let head = format!("# {}: {}\n", c.id, c.title);
            assert!(c.page.starts_with(&head), "docs/findings/{}.md begins with {head}", c.id);
            for part in ["## What it means", "## How it is found", "## What to do"] {
                assert!(c.page.contains(part), "docs/findings/{}.md has no part {part:?}", c.id);
            }
            assert!(!c.meaning.is_empty() && !c.title.ends_with('.'), "{}", c.id);
        }
    }
}
