//! Going through the rules of one base chain: where it begins, where it ended, and what was met on the way.

use super::context::Missed;
use super::decision::Decision;
use super::effect::Effect;
use super::place::Place;

/// Where to begin in a base chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// With its first rule.
    Start,
    /// Behind a rule that the packet is known to have met: one that logged it.
    After {
        /// The rules whose jumps led there, outermost first; a goto leaves none.
        stack: Vec<Place>,
        /// The rule.
        rule: Place,
        /// For nf_tables: the index of the expression that logged; evaluation goes on behind it, in the same rule.
        expr: Option<usize>,
    },
}

/// How a base chain ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What was decided.
    pub decision: Decision,
    /// By which rule, or by the policy.
    pub at: Place,
}

/// A rule that a packet was tried against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The rule, or the policy.
    pub at: Place,
    /// Did all its conditions hold?
    pub matched: bool,
    /// What it said.
    pub decision: Decision,
    /// What it did beside.
    pub effects: Vec<Effect>,
    /// The condition that failed, if anybody asked.
    pub missed: Option<Missed>,
}

/// How many rules one packet may be tried against in one chain. The kernel forbids loops; a ruleset that was torn while it
/// was read may have one.
pub const MAX_RULES: usize = 4_000_000;
