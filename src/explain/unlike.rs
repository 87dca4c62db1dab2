//! Two packets that should fare alike, and do not: where do their ways part?

use serde::Serialize;

use super::explainer::{Explained, Explainer};
use super::near::difference;
use crate::blame::Culprit;
use crate::evaluate::Hook;
use crate::evaluate::traversal::Tried;
use crate::evaluate::walk::{Run, Step};

/// The first rule that matches one of two packets and not the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parting {
    /// The hook.
    pub hook: &'static str,
    /// The rule.
    pub rule: Culprit,
    /// Does it match the packet that is complained of? Otherwise it matches the one that fares better.
    pub matches_this: bool,
    /// The condition that does not hold for the one that it does not match, as a clause.
    pub missed: Option<String>,
}

/// Where the ways of two packets part; `this` is complained of. None: the same rules matched both.
pub fn parting(explainer: &Explainer<'_>, this: &Explained, other: &Explained) -> Option<Parting> {
    let (this, other) = (this.walked.runs.first()?, other.walked.runs.first()?);
    let mut theirs = tried(other);
    for (hook, rule) in tried(this) {
        // What one of them meets only because of an earlier rule comes behind the parting.
        let (_, same) = theirs.find(|(_, t)| t.at == rule.at)?;
        if rule.matched == same.matched {
            continue;
        }
        let missed = if rule.matched { &same.missed } else { &rule.missed };
        return Some(Parting {
            hook: hook.name(),
            rule: explainer.describer().culprit(rule.at),
            matches_this: rule.matched,
            missed: missed.as_ref().map(difference),
        });
    }
    None
}

/// The rules that a packet was held against.
fn tried(run: &Run) -> impl Iterator<Item = (Hook, &Tried)> {
    run.steps.iter().filter_map(|s| match s {
        Step::Rule { hook, tried } if tried.at.position.is_some() => Some((*hook, tried)),
        _ => None,
    })
}
