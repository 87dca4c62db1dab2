//! Answers that are kept for a while.

use std::cell::RefCell;
use std::hash::Hash;
use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::evaluate::Fact;

/// So many answers of one kind are kept at the most: a flood of packets does not fill the memory.
const MOST: usize = 1 << 16;

/// Answers by question.
#[derive(Debug)]
pub(super) struct Memo<K, V>(RefCell<FxHashMap<K, Fact<V>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<K: Hash + Eq, V: Clone> Memo<K, V> {
    /// The answer that is kept, or a new one, which is kept then.
    pub(super) fn get(&self, question: K, ask: impl FnOnce(&K) -> Fact<V>) -> Fact<V> {
        if let Some(known) = self.0.borrow().get(&question) {
            return known.clone();
        }
        let answer = ask(&question);
        let mut kept = self.0.borrow_mut();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(question, answer.clone());
        answer
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

/// An answer that takes the kernel long is kept for so many times as long.
const WORTH: u32 = 4;

/// One answer that may take long, because all of a table is looked at. It is kept in proportion to that, so that a flood of packets
/// does not spend all time on it.
#[derive(Debug)]
pub(super) struct Costly<V>(RefCell<Option<(Instant, Fact<V>)>>);

impl<V> Default for Costly<V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<V: Clone> Costly<V> {
    /// The answer that is kept, or a new one.
    pub(super) fn get(&self, ask: impl FnOnce() -> Fact<V>) -> Fact<V> {
        self.get_by(Instant::now, ask)
    }

    fn get_by(&self, clock: impl Fn() -> Instant, ask: impl FnOnce() -> Fact<V>) -> Fact<V> {
        let begun = clock();
        if let Some((until, known)) = &*self.0.borrow()
            && begun < *until
        {
            return known.clone();
        }
        let answer = ask();
        let now = clock();
        self.0.replace(Some((now + (now - begun) * WORTH, answer.clone())));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::time::Duration;

    #[test]
    fn what_took_long_is_kept_in_proportion_and_what_took_no_time_is_asked_again() {
        const LONG: Duration = Duration::from_millis(50);
        let now = Cell::new(Instant::now());
        let clock = || now.get();
        let slow = Costly::default();
        let answer = |n| {
            now.set(now.get() + LONG);
            Fact::Is(n)
        };
        assert_eq!(slow.get_by(clock, || answer(1)), Fact::Is(1));
        now.set(now.get() + LONG * WORTH - Duration::from_nanos(1));
        assert_eq!(slow.get_by(clock, || answer(2)), Fact::Is(1), "kept");
        now.set(now.get() + Duration::from_nanos(1));
        assert_eq!(slow.get_by(clock, || answer(3)), Fact::Is(3), "as long as it is worth");
        let quick = Costly::default();
        assert_eq!(
            (quick.get_by(clock, || Fact::Is(1)), quick.get_by(clock, || Fact::Is(2))),
            (Fact::Is(1), Fact::Is(2))
        );
    }
}
