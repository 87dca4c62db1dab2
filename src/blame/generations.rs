//! The rulesets of the recent past: a packet is judged by the one it met, not by the one that stands when we look.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::ruleset::Ruleset;
use crate::sys::Text;
use crate::sys::nft::Family;

use super::culprit::Change;
use super::time::Time;

/// How many rulesets are kept.
const KEPT: usize = 8;
/// How many added rules are remembered with their change.
const REMEMBERED: usize = 4096;

/// A ruleset and the time in which it stood.
#[derive(Debug, Clone)]
struct Stood {
    rules: Arc<Ruleset>,
    /// When it was first known to stand: the announcement of its generation, or when it was read.
    from: Time,
}

/// A rule that was added while we looked.
#[derive(Debug, Clone)]
struct Added {
    family: Family,
    table: Text,
    handle: u64,
    change: Change,
}

/// The recent rulesets, oldest first, and who changed what.
#[derive(Debug, Default)]
pub struct Generations {
    stood: VecDeque<Stood>,
    added: VecDeque<Added>,
    /// The latest generation that was announced, and when.
    announced: Option<(u32, Time)>,
}

/// The rulesets that a packet may have met.
#[derive(Debug, Clone)]
pub struct Met {
    /// The candidates, the most plausible first; never empty.
    pub rules: Vec<Arc<Ruleset>>,
    /// Why it may have been another one that we never read.
    pub missed: Option<String>,
}

impl Generations {
    /// Begins with one ruleset.
    pub fn new(rules: Arc<Ruleset>, read: Time) -> Self {
        let mut new = Self::default();
        new.push(rules, read);
        new
    }

    /// The latest ruleset.
    pub fn latest(&self) -> Option<&Arc<Ruleset>> {
        self.stood.back().map(|s| &s.rules)
    }

    /// A ruleset that was read anew. It has stood since the announcement of its generation, if that was heard.
    pub fn push(&mut self, rules: Arc<Ruleset>, read: Time) {
        let from = match (self.announced, rules.generation) {
            (Some((id, when)), Some(generation)) if id == generation => when.min(read),
            _ => read,
        };
        if self.stood.len() == KEPT {
            self.stood.pop_front();
        }
        self.stood.push_back(Stood { rules, from });
    }

    /// A change that was announced, with the handles of the rules it added.
    pub fn changed(&mut self, change: Change, rules: impl IntoIterator<Item = (Family, Text, u64)>) {
        self.announced = Some((change.generation, change.time));
        for (family, table, handle) in rules {
            if self.added.len() == REMEMBERED {
                self.added.pop_front();
            }
            self.added.push_back(Added { family, table, handle, change: change.clone() });
        }
    }

    /// Has a change been announced that the latest ruleset does not have yet?
    pub fn is_stale(&self) -> bool {
        match (self.announced, self.latest().and_then(|r| r.generation)) {
            (Some((announced, _)), Some(have)) => announced.wrapping_sub(have) as i32 > 0,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// The rulesets that a packet may have met which passed at `when`, give or take `slack` before.
    pub fn met(&self, when: Time, slack: Duration) -> Met {
        let earliest = Time(when.0.saturating_sub(u64::try_from(slack.as_nanos()).unwrap_or(u64::MAX)));
        let mut rules = Vec::new();
        let mut missed = None;
        for (i, s) in self.stood.iter().enumerate() {
            let until = self.stood.get(i + 1).map(|next| next.from);
            if s.from <= when && until.is_none_or(|u| u > earliest) {
                rules.push(Arc::clone(&s.rules));
            }
        }
        // The one that stood at the time itself is the most plausible.
        rules.reverse();
        if rules.is_empty() {
            // It passed before the first ruleset was read.
            rules.extend(self.stood.front().map(|s| Arc::clone(&s.rules)));
            missed = Some("the packet passed before the ruleset was first read".to_owned());
        }
        let ids: Vec<u32> = rules.iter().rev().filter_map(|r| r.generation).collect();
        if let Some(gap) = ids.windows(2).find(|w| matches!(w, [a, b] if b.wrapping_sub(*a) > 1)) {
            missed = Some(format!("generations between {} and {} were not read", gap[0], gap[1]));
        }
        if self.is_stale() && self.announced.is_some_and(|(_, at)| at <= when) {
            missed = Some("the ruleset had just changed again and was not read yet".to_owned());
        }
        if rules.iter().any(|r| r.problems.iter().any(|p| p.torn)) {
            missed = Some("the ruleset changed while it was being read".to_owned());
        }
        Met { rules, missed }
    }

    /// The latest kept ruleset that has this rule, looking back from the newest.
    pub fn with_rule(&self, family: Family, table: &Text, chain: &Text, handle: u64) -> Option<&Arc<Ruleset>> {
        self.stood.iter().rev().map(|s| &s.rules).find(|r| {
            r.nft.iter().any(|t| {
                t.def.family == family
                    && t.def.name == *table
                    && t.chain(chain).is_some_and(|c| c.position(handle).is_some())
            })
        })
    }

    /// Who added a rule, if that was seen.
    pub fn added_by(&self, family: Family, table: &Text, handle: u64) -> Option<&Change> {
        self.added
            .iter()
            .rev()
            .find(|a| a.handle == handle && a.family == family && a.table == *table)
            .map(|a| &a.change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(generation: u32) -> Arc<Ruleset> {
        Arc::new(Ruleset { generation: Some(generation), ..Ruleset::default() })
    }

    fn change(generation: u32, at: u64) -> Change {
        Change { pid: Some(1), program: None, generation, time: Time(at) }
    }

    fn ids(met: &Met) -> Vec<Option<u32>> {
        met.rules.iter().map(|r| r.generation).collect()
    }

    #[test]
    fn a_packet_is_judged_by_the_ruleset_that_stood_when_it_passed() {
        let mut g = Generations::new(rules(1), Time(100));
        g.changed(change(2, 200), []);
        g.push(rules(2), Time(250));
        assert_eq!(ids(&g.met(Time(150), Duration::ZERO)), [Some(1)]);
        assert_eq!(ids(&g.met(Time(220), Duration::ZERO)), [Some(2)], "it stood since its announcement");
        assert_eq!(ids(&g.met(Time(220), Duration::from_nanos(50))), [Some(2), Some(1)]);
        assert!(g.met(Time(220), Duration::ZERO).missed.is_none());
        assert!(g.met(Time(50), Duration::ZERO).missed.is_some(), "before the first");
    }

    #[test]
    fn a_generation_that_was_never_read_is_admitted() {
        let mut g = Generations::new(rules(1), Time(100));
        g.changed(change(2, 200), []);
        assert!(g.is_stale());
        assert!(g.met(Time(210), Duration::ZERO).missed.is_some());
        g.changed(change(3, 300), []);
        g.push(rules(3), Time(310));
        assert!(!g.is_stale());
        assert!(g.met(Time(305), Duration::from_nanos(150)).missed.is_some());
    }

    #[test]
    fn a_rule_remembers_who_added_it() {
        let mut g = Generations::new(rules(1), Time(100));
        g.changed(change(2, 200), [(Family::Inet, Text::from("filter"), 7)]);
        assert_eq!(g.added_by(Family::Inet, &Text::from("filter"), 7).map(|c| c.generation), Some(2));
        assert!(g.added_by(Family::Ip, &Text::from("filter"), 7).is_none());
    }
}
