//! A change of the ruleset, as the kernel announces it: what it did, thing by thing, then who made it. Both may come in portions:
//! what was heard of it is kept until its end is heard.

use crate::blame::{Change, Time};
use crate::evidence::trace::is_ours;
use crate::sys::Text;
use crate::sys::nft::Family;
use crate::sys::nft::monitor::{Change as Came, Event};

/// A rule by its table's family and name, and its handle.
pub type RuleId = (Family, Text, u64);

/// A change of the ruleset as the kernel announced it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Who and when.
    pub change: Change,
    /// The rules that it added.
    pub added: Vec<RuleId>,
    /// Did it change more than tables of our own?
    pub matters: bool,
    /// When it had not been announced yet.
    pub since: Time,
}

/// What was heard of the transaction whose end is still to come.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    added: Vec<RuleId>,
    matters: bool,
    /// When nothing of it had been announced yet; none: nothing has been since.
    since: Option<Time>,
}

impl Transaction {
    /// Takes a notification, which was not there yet at `since`; the whole change, if it was its end.
    pub fn hear(&mut self, event: Event, since: Time) -> Option<Announced> {
        let since = *self.since.get_or_insert(since);
        self.matters |= table_of(&event).is_some_and(|t| !is_ours(t.as_bytes()));
        match event {
            Event::Rule(Came::New, r) => self.added.push((r.family, r.table, r.handle)),
            Event::Generation(g) => {
                let Self { added, matters, .. } = std::mem::take(self);
                let program = g.process.map(|p| p.to_string());
                let change = Change { pid: g.pid, program, generation: g.id, time: Time::now() };
                return Some(Announced { change, added, matters, since });
            }
            Event::Unknown { .. } => self.matters = true,
            _ => {}
        }
        None
    }

    /// Notifications were lost, perhaps the end of this one: what it added is not laid on the next one.
    pub fn lost(&mut self) {
        *self = Self { added: Vec::new(), matters: true, since: self.since };
    }

    /// Is its end still to come?
    pub fn has_begun(&self) -> bool {
        self.since.is_some()
    }
}

/// The table that a notification is about.
fn table_of(event: &Event) -> Option<&Text> {
    Some(match event {
        Event::Table(_, t) => &t.name,
        Event::Chain(_, c) => &c.table,
        Event::Rule(_, r) => &r.table,
        Event::Set(_, s) => &s.table,
        Event::Elements(_, e) => &e.table,
        Event::Object(_, o) => &o.table,
        Event::Flowtable(_, f) => &f.table,
        Event::Generation(_) | Event::Trace(_) | Event::Unknown { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::nft::{Generation, Rule};

    const NOW: Time = Time(9);

    fn rule(table: &str, handle: u64) -> Event {
        let rule = Rule { handle, ..Rule::new(Family::Inet, table, "c", Vec::new()) };
        Event::Rule(Came::New, Box::new(rule))
    }

    fn end(id: u32) -> Event {
        Event::Generation(Generation { id, pid: Some(7), process: None, unread: Vec::new() })
    }

    #[test]
    fn what_was_heard_before_the_end_is_kept_for_it_however_long_it_takes() {
        let mut t = Transaction::default();
        assert_eq!(t.hear(rule("t", 1), NOW), None);
        assert_eq!(t.hear(rule("t", 2), Time(10)), None);
        assert!(t.has_begun());
        let told = t.hear(end(5), Time(11)).map(|a| (a.change.generation, a.added.len(), a.matters, a.since));
        assert_eq!(told, Some((5, 2, true, NOW)));
        assert!(!t.has_begun());
        let told = t.hear(end(6), NOW).map(|a| (a.change.generation, a.added.len(), a.matters));
        assert_eq!(told, Some((6, 0, false)), "nothing of the one before is left");
    }

    #[test]
    fn after_a_loss_nobody_is_blamed_for_the_rules_of_others() {
        let mut t = Transaction::default();
        t.hear(rule("t", 1), NOW);
        t.lost();
        assert_eq!(t.hear(end(6), NOW).map(|a| (a.added.len(), a.matters)), Some((0, true)));
    }

    #[test]
    fn tables_of_our_own_do_not_matter() {
        let mut t = Transaction::default();
        t.hear(rule("nfblame-7", 1), NOW);
        assert_eq!(t.hear(end(5), NOW).map(|a| a.matters), Some(false));
    }
}
