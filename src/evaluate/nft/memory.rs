//! What one packet's way leaves behind that is not in the packet: changes of sets and of quotas, which later rules see.

use std::borrow::Cow;

use super::registers::Unknown;
use crate::sys::Text;
use crate::sys::nft::Family;
use crate::sys::nft::expr::Quota;

/// What happened in one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Changes of sets, in order.
    changes: Vec<Change>,
    /// Bytes that the packet took from each quota it met. A quota of the ruleset is known by where it lies.
    taken: Vec<(usize, Option<u64>)>,
    /// How many unknown values have been given names.
    named: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    table: (Family, Text),
    set: Text,
    /// None: a key that is not known.
    key: Option<Box<[u8]>>,
    there: bool,
}

/// What the changes say about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Nothing: it is as it was.
    No,
    /// It has been added.
    Added,
    /// It has been deleted.
    Deleted,
    /// Something that may have been this key has been added or deleted.
    Perhaps,
}

impl Memory {
    /// Notes that a key was added or deleted; a key that is not known is None.
    pub fn note(&mut self, table: (Family, &Text), set: &Text, key: Option<&[u8]>, there: bool) {
        let key = key.map(Box::from);
        self.changes.push(Change { table: (table.0, table.1.clone()), set: set.clone(), key, there });
    }

    /// What happened to that key.
    pub fn of(&self, table: (Family, &Text), set: &Text, key: &[u8]) -> Changed {
        for c in self.changes.iter().rev() {
            if c.table.0 != table.0 || c.table.1 != *table.1 || c.set != *set {
                continue;
            }
            match &c.key {
                None => return Changed::Perhaps,
                Some(k) if **k == *key => return if c.there { Changed::Added } else { Changed::Deleted },
                Some(_) => {}
            }
        }
        Changed::No
    }

    /// Takes bytes from a quota of the ruleset (None: not known how many). Returns how many the packet took before: it
    /// may come by more than once.
    pub fn take(&mut self, quota: &Quota, bytes: Option<u64>) -> Option<u64> {
        let at = std::ptr::from_ref(quota).addr();
        let i = self.taken.iter().position(|t| t.0 == at).unwrap_or_else(|| {
            self.taken.push((at, Some(0)));
            self.taken.len() - 1
        });
        let taken = &mut self.taken.get_mut(i)?.1;
        let before = *taken;
        *taken = before.zip(bytes).map(|(a, b)| a.saturating_add(b));
        before
    }

    /// Are all sets as they were?
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// A name for an unknown value that a rule puts into the packet. The packet keeps only the name, so it must not be
    /// that of another value.
    pub fn name(&mut self, unknown: &Unknown) -> Cow<'static, str> {
        if unknown.is_plain() {
            return unknown.what.clone();
        }
        self.named += 1;
        format!("{} (changed by a rule, {})", unknown.what, self.named).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_add_up_for_each_quota() {
        let quota = || Quota { bytes: 9, consumed: 0, flags: crate::sys::nft::expr::QuotaFlags::empty() };
        let quotas = [quota(), quota()];
        let mut m = Memory::default();
        assert_eq!(m.take(&quotas[0], Some(5)), Some(0));
        assert_eq!((m.take(&quotas[1], None), m.take(&quotas[0], Some(1))), (Some(0), Some(5)));
        assert_eq!((m.take(&quotas[1], Some(1)), m.take(&quotas[0], Some(1))), (None, Some(6)));
    }

    #[test]
    fn the_last_change_of_a_key_counts() {
        let mut c = Memory::default();
        let (table, set) = (Text::from("t"), Text::from("s"));
        let t = (Family::Ip, &table);
        assert_eq!(c.of(t, &set, b"a"), Changed::No);
        c.note(t, &set, Some(b"a"), true);
        assert_eq!(c.of(t, &set, b"a"), Changed::Added);
        assert_eq!(c.of((Family::Ip6, &table), &set, b"a"), Changed::No);
        c.note(t, &set, Some(b"a"), false);
        assert_eq!(c.of(t, &set, b"a"), Changed::Deleted);
        c.note(t, &set, None, true);
        assert_eq!(c.of(t, &set, b"a"), Changed::Perhaps);
        assert_eq!(c.of(t, &Text::from("other"), b"a"), Changed::No);
    }
}
