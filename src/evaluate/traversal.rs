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

/// How often rules of a table with that many rules may be tried on one packet in one base chain. A ruleset that was torn while
/// it was read may have a loop; and chains that all jump to the next ones take the kernel years, which nobody waits for.
pub fn most_tries(rules: usize) -> usize {
    let often = rules.saturating_mul(32).saturating_add(100_000);
    often.min(rules.saturating_mul(2).max(1_000_000))
}
