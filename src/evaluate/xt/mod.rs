//! xtables as the kernel runs it: what an entry selects, every match and target, and the walk through a legacy table.
//!
//! Matches and targets serve legacy tables and the `match` and `target` expressions of nft_compat alike.

pub mod selector;
mod view;

pub use view::{Transport, View};

/// What a match says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It matches.
    Yes,
    /// It does not.
    No,
    /// The packet is so malformed that the match kills it (`hotdrop`): it dies at this rule, whatever its target.
    HotDrop,
}

impl From<bool> for Outcome {
    fn from(matched: bool) -> Self {
        if matched { Self::Yes } else { Self::No }
    }
}
