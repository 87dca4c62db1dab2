//! xtables as the kernel runs it: what an entry selects, every match and target, and the walk through a legacy table.
//!
//! Matches and targets serve legacy tables and the `match` and `target` expressions of nft_compat alike.

mod file;
mod link;
pub mod matches;
pub mod selector;
mod sets;
pub mod table;
pub mod targets;
#[cfg(test)]
mod tests;
mod view;

pub use table::Program;
pub use view::{Transport, View};

use std::cell::Cell;

use crate::sys::xt::Family;

/// What a match or target is told beside the packet (`struct xt_action_param`).
#[derive(Debug, Clone)]
pub struct Param {
    /// The family of the table.
    pub family: Family,
    /// Where the transport header is. None: the capture ends before that could be told.
    pub transport: Option<Transport>,
    /// A match could not stand the packet (`hotdrop`) but, being inverted, matched: the rule is carried out, and the
    /// packet dies all the same.
    pub doomed: Cell<bool>,
}

impl Param {
    /// Before the first match of a rule.
    pub(crate) fn new(family: Family, transport: Option<Transport>) -> Self {
        Self { family, transport, doomed: Cell::new(false) }
    }
}

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
