//! Answers that are kept for a while.

use std::cell::RefCell;
use std::hash::Hash;

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
