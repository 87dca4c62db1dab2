//! The rulesets of the recent past: a packet is judged by the one it met, not by the one that stands when we look.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::ruleset::Ruleset;
use crate::sys::Text;
use crate::sys::nft::{self, Family};

use super::culprit::Change;
use super::describe::family_name;
use super::time::Time;

/// How many rulesets are kept.
const KEPT: usize = 8;
/// How many added rules are remembered with their change.
const REMEMBERED: usize = 4096;

/// A ruleset and the time in which it stood.
#[derive(Debug, Clone)]
struct Stood {
    rules: Arc<Ruleset>,
    /// When it may have begun to stand.
    since: Time,
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
    /// The generations that were announced, oldest first.
    announced: VecDeque<Announced>,
}

/// A generation that was announced.
#[derive(Debug, Clone, Copy)]
struct Announced {
    id: u32,
    /// When nothing had been announced yet.
    since: Time,
    time: Time,
    /// Did it change more than tables of our own?
    matters: bool,
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
        new.push(rules, read, read);
        new
    }

    /// The latest ruleset.
    pub fn latest(&self) -> Option<&Arc<Ruleset>> {
        self.stood.back().map(|s| &s.rules)
    }

    /// A ruleset that was read anew. It has stood since the announcement of its generation, if that was heard, or at the
    /// earliest since the time up to which all changes are known.
    pub fn push(&mut self, rules: Arc<Ruleset>, known: Time, read: Time) {
        let announced = self.announced.iter().find(|a| Some(a.id) == rules.generation);
        let (since, from) = announced.map_or((known, read), |a| (a.since.min(read), a.time.min(read)));
        if self.stood.len() == KEPT {
            self.stood.pop_front();
        }
        self.stood.push_back(Stood { rules, since, from });
    }

    /// A change that was announced, with the handles of the rules it added. It was made after `since`. One that does not
    /// `matter` changed nothing but tables of our own.
    pub fn changed(
        &mut self,
        change: Change,
        since: Time,
        rules: impl IntoIterator<Item = (Family, Text, u64)>,
        matters: bool,
    ) {
        if self.announced.len() == REMEMBERED {
            self.announced.pop_front();
        }
        self.announced.push_back(Announced { id: change.generation, since, time: change.time, matters });
        for (family, table, handle) in rules {
            if self.added.len() == REMEMBERED {
                self.added.pop_front();
            }
            self.added.push_back(Added { family, table, handle, change: change.clone() });
        }
    }

    /// Has a change been announced that the latest ruleset does not have yet?
    pub fn is_stale(&self) -> bool {
        let have = self.latest().and_then(|r| r.generation);
        self.announced.iter().rev().any(|a| a.matters && have.is_none_or(|h| after(a.id, h)))
    }

    /// A generation between two that was announced and mattered, and was not read.
    fn gap(&self, older: u32, newer: u32) -> Option<u32> {
        self.announced.iter().find(|a| a.matters && after(a.id, older) && after(newer, a.id)).map(|a| a.id)
    }

    /// The rulesets that a packet may have met which passed at `when`, give or take `slack` before.
    pub fn met(&self, when: Time, slack: Duration) -> Met {
        let earliest = Time(when.0.saturating_sub(u64::try_from(slack.as_nanos()).unwrap_or(u64::MAX)));
        let mut rules = Vec::new();
        let mut missed = None;
        for (i, s) in self.stood.iter().enumerate() {
            let until = self.stood.get(i + 1).map(|next| next.from);
            if s.since <= when && until.is_none_or(|u| u > earliest) {
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
        if self.stood.front().is_some_and(|first| first.since <= when && when < first.from) {
            missed = Some("the packet may have met an older ruleset, which is no longer kept".to_owned());
        }
        let ids: Vec<u32> = rules.iter().rev().filter_map(|r| r.generation).collect();
        if let Some(gap) = ids.windows(2).find_map(|w| match w {
            [a, b] => self.gap(*a, *b),
            _ => None,
        }) {
            missed = Some(format!("generation {gap} of the ruleset, which it may have met, was not read in time"));
        }
        let have = self.latest().and_then(|r| r.generation);
        let newer = |a: &Announced| a.matters && a.since <= when && have.is_none_or(|h| after(a.id, h));
        if self.announced.iter().any(newer) {
            missed = Some("the ruleset had just changed again and was not read yet".to_owned());
        }
        if rules.iter().any(|r| r.problems.iter().any(|p| p.torn)) {
            missed = Some("the ruleset changed while it was being read".to_owned());
        }
        Met { rules, missed }
    }

    /// From when on a packet can have met the latest ruleset only: what [`met`](Self::met) says then is that. None if
    /// there is a doubt about it.
    pub fn settled_since(&self, slack: Duration) -> Option<Time> {
        let latest = self.stood.back()?;
        if self.is_stale() || latest.rules.problems.iter().any(|p| p.torn) {
            return None;
        }
        let slack = if self.stood.len() > 1 { u64::try_from(slack.as_nanos()).unwrap_or(u64::MAX) } else { 0 };
        Some(Time(latest.from.0.saturating_add(slack)))
    }

    /// Is that table one and the same in all rulesets that are kept? One that was made anew counts the handles of its rules
    /// from the beginning again.
    pub fn same_table(&self, family: &str, table: &str) -> bool {
        let handle = |s: &Stood| {
            let same = |d: &nft::Table| family_name(d.family) == family && d.name.as_bytes() == table.as_bytes();
            s.rules.nft.iter().find(|t| same(&t.def)).map(|t| t.def.handle)
        };
        let mut handles = self.stood.iter().map(handle);
        handles.next().flatten().is_some_and(|first| self.stood.len() > 1 && handles.all(|h| h == Some(first)))
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

/// Is generation `a` later than `b`? The numbers wrap around.
fn after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) as i32 > 0
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
        g.changed(change(2, 200), Time(200), [], true);
        g.push(rules(2), Time(250), Time(250));
        assert_eq!(ids(&g.met(Time(150), Duration::ZERO)), [Some(1)]);
        assert_eq!(ids(&g.met(Time(220), Duration::ZERO)), [Some(2)], "it stood since its announcement");
        assert_eq!(ids(&g.met(Time(220), Duration::from_nanos(50))), [Some(2), Some(1)]);
        assert!(g.met(Time(220), Duration::ZERO).missed.is_none());
        assert!(g.met(Time(50), Duration::ZERO).missed.is_some(), "before the first");
    }

    #[test]
    fn a_change_that_was_heard_of_late_may_have_been_met_already() {
        let mut g = Generations::new(rules(1), Time(100));
        g.changed(change(2, 200), Time(150), [], true);
        assert!(g.met(Time(160), Duration::ZERO).missed.is_some());
        g.push(rules(2), Time(250), Time(250));
        assert_eq!(ids(&g.met(Time(140), Duration::ZERO)), [Some(1)]);
        assert_eq!(ids(&g.met(Time(160), Duration::ZERO)), [Some(2), Some(1)]);
        g.push(rules(3), Time(260), Time(300)); // its announcement is still to come
        assert_eq!(ids(&g.met(Time(270), Duration::ZERO)), [Some(3), Some(2)]);
        for _ in 0..KEPT - 1 {
            g.push(rules(4), Time(400), Time(400));
        }
        let met = g.met(Time(270), Duration::ZERO);
        assert_eq!((ids(&met), met.missed.is_some()), (vec![Some(3)], true), "what stood before is forgotten");
    }

    #[test]
    fn a_table_that_was_made_anew_is_another_one() {
        let with = |handle| {
            let mut def = crate::sys::nft::Table::new(Family::Inet, "t", crate::sys::nft::TableFlags::empty());
            def.handle = handle;
            let backend = crate::ruleset::Backend::Nft;
            let (chains, sets, objects, flowtables) = Default::default();
            let table = crate::ruleset::nft::Table { def, backend, chains, sets, objects, flowtables };
            Arc::new(Ruleset { nft: vec![table], ..Ruleset::default() })
        };
        let mut g = Generations::new(with(4), Time(100));
        assert!(!g.same_table("inet", "t"), "it may have been made just then");
        g.push(with(4), Time(200), Time(200));
        assert!(g.same_table("inet", "t") && !g.same_table("ip", "t"));
        g.push(with(5), Time(300), Time(300));
        assert!(!g.same_table("inet", "t"));
    }

    #[test]
    fn a_generation_that_was_never_read_is_admitted() {
        let mut g = Generations::new(rules(1), Time(100));
        g.changed(change(2, 200), Time(200), [], true);
        assert!(g.is_stale());
        assert_eq!(g.settled_since(Duration::ZERO), None);
        assert!(g.met(Time(210), Duration::ZERO).missed.is_some());
        g.changed(change(3, 300), Time(300), [], true);
        g.push(rules(3), Time(310), Time(310));
        assert!(!g.is_stale());
        assert!(g.met(Time(305), Duration::from_nanos(150)).missed.is_some());
        let slack = Duration::from_nanos(150);
        assert_eq!(g.settled_since(slack), Some(Time(450)));
        let met = g.met(Time(450), slack);
        assert_eq!((ids(&met), met.missed), (vec![Some(3)], None));
    }

    #[test]
    fn a_generation_of_our_own_tables_is_no_doubt() {
        let mut g = Generations::new(rules(1), Time(100));
        g.changed(change(2, 200), Time(200), [], false);
        assert!(!g.is_stale());
        g.push(rules(3), Time(310), Time(310));
        assert!(g.met(Time(311), Duration::from_nanos(150)).missed.is_none());
    }

    #[test]
    fn a_rule_remembers_who_added_it() {
        let mut g = Generations::new(rules(1), Time(100));
        g.changed(change(2, 200), Time(200), [(Family::Inet, Text::from("filter"), 7)], true);
        assert_eq!(g.added_by(Family::Inet, &Text::from("filter"), 7).map(|c| c.generation), Some(2));
        assert!(g.added_by(Family::Ip, &Text::from("filter"), 7).is_none());
    }
}
