//! Where and why a filter is wrong.

use std::fmt;
use std::ops::Range;

/// An error in a filter, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// The bytes of the text that are at fault; empty at its end when something is missing there.
    pub span: Range<usize>,
    /// What is wrong, and what to write instead where that is clear.
    pub message: String,
}

impl FilterError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }

    /// The text with a line of carets under the place, for a terminal.
    pub fn underlined(&self, text: &str) -> String {
        let width = |s: &str| s.chars().count();
        // Control characters would move the carets, or worse.
        let clean: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let before = text.get(..self.span.start).map_or(0, width);
        let marked = text.get(self.span.clone()).map_or(1, width).max(1);
        format!("{clean}\n{:before$}{}", "", "^".repeat(marked))
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "filter, at column {}: {}", self.span.start + 1, self.message)
    }
}

impl std::error::Error for FilterError {}
