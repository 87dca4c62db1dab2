//! Rules that let sample packets pass: where they have to stand, tried on a copy.

use super::allow;
use super::change::Change;
use super::rule::NewRule;
use super::trial::Trial;
use crate::blame::Fix;
use crate::evaluate::walk::Fate;
use crate::evaluate::{Hook, Place};
use crate::explain::{Explainer, Question};
use crate::finding::probe;
use crate::host::Host;
use crate::ruleset::Ruleset;

/// So many rules are added for one finding.
const MOST: usize = 6;

/// Adds rules before what stops these packets, until no rule stops any. `rule` is what a packet needs that ends at a hook.
/// None: that is not enough, or there is a name that no command line can hold.
pub fn let_pass(
    rules: &Ruleset,
    host: &dyn Host,
    packets: &[Question],
    rule: impl Fn(&Question, Hook) -> NewRule,
) -> Option<Fix> {
    let mut changes: Vec<Change> = Vec::new();
    let mut fix = Fix::new("");
    let mut words: Vec<String> = Vec::new();
    while let Some(stop) = stopped(rules, host, &changes, packets)? {
        let new = rule(stop.packet, stop.hook);
        let change = helping(rules, host, &changes, packets, &stop, &new).filter(|_| changes.len() < MOST)?;
        fix.commands.extend(change.commands(rules)?);
        change.persistent(rules).into_iter().for_each(|persistent| add(&mut fix.persistent, persistent));
        add(&mut fix.also_allows, allow::also(&new, stop.hook));
        add(&mut words, format!("accept {}", new.describe()));
        changes.push(change);
    }
    fix.message = words.join("; ");
    fix.verified = true;
    fix.changes = changes;
    Some(fix).filter(|f| !f.changes.is_empty())
}

fn add(all: &mut Vec<String>, one: String) {
    if !all.contains(&one) {
        all.push(one);
    }
}

/// The rule at the first place where it makes a difference.
fn helping(
    rules: &Ruleset,
    host: &dyn Host,
    changes: &[Change],
    packets: &[Question],
    stop: &Stop<'_>,
    new: &NewRule,
) -> Option<Change> {
    // Places are those of the rules as they are: what was added to the chain so far stands before.
    let here = |c: &&Change| matches!(c, Change::Insert { chain, .. } if *chain == stop.at.chain);
    let added = changes.iter().filter(here).count();
    let at = Place { position: stop.at.position.map(|p| p.saturating_sub(added).max(1)), ..stop.at };
    allow::positions(rules, at, new).into_iter().find_map(|(chain, position)| {
        let change = Change::Insert { chain, position, rule: new.clone() };
        let with: Vec<Change> = changes.iter().chain([&change]).cloned().collect();
        let now = stopped(rules, host, &with, packets)?;
        let same = |n: Stop<'_>| n.packet == stop.packet && n.at.chain == stop.at.chain;
        (!now.is_some_and(same)).then_some(change)
    })
}

/// Where a packet ends.
struct Stop<'q> {
    packet: &'q Question,
    hook: Hook,
    at: Place,
}

/// The first of the packets that a rule or policy ends. None: it cannot be told.
fn stopped<'q>(
    rules: &Ruleset,
    host: &dyn Host,
    changes: &[Change],
    packets: &'q [Question],
) -> Option<Option<Stop<'q>>> {
    let trial = changes.iter().try_fold(Trial::new(rules, host), |trial, c| trial.with(c))?;
    let explainer = Explainer::new(&trial.rules, &trial.host).brief();
    for q in packets {
        let e = explainer.explain(q).ok()?;
        if let Some(run) = e.walked.runs.iter().find(|r| probe::is_stopped(r))
            && let Fate::Decided { at, .. } = &run.fate
        {
            return Some(Some(Stop { packet: q, hook: run.hook, at: *at }));
        }
    }
    Some(None)
}
