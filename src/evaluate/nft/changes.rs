//! What rules have done to sets on the way of one packet: later rules see it.

use crate::sys::Text;
use crate::sys::nft::Family;

/// The changes of one run, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetChanges(Vec<Change>);

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

impl SetChanges {
    /// Notes that a key was added or deleted; a key that is not known is None.
    pub fn note(&mut self, table: (Family, &Text), set: &Text, key: Option<&[u8]>, there: bool) {
        let key = key.map(Box::from);
        self.0.push(Change { table: (table.0, table.1.clone()), set: set.clone(), key, there });
    }

    /// What happened to that key.
    pub fn of(&self, table: (Family, &Text), set: &Text, key: &[u8]) -> Changed {
        for c in self.0.iter().rev() {
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

    /// Has nothing been changed?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_a_key_counts() {
        let mut c = SetChanges::default();
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
