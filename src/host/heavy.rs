//! The most frequent of many, in little memory.

use std::hash::Hash;

use rustc_hash::FxHashMap;
use serde::Serialize;

/// So many are told apart exactly; the true ones among the top are never lost to the rest, whatever their number.
const CAPACITY: usize = 8192;

/// Counts how often each key comes, in memory that does not grow with their number (the algorithm of Misra and Gries).
#[derive(Debug, Clone)]
pub struct Heavy<K> {
    counts: FxHashMap<K, u64>,
    /// What every count may be short of.
    missed: u64,
}

/// A frequent key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Talker<K> {
    /// What it is.
    #[serde(flatten)]
    pub key: K,
    /// How often it came, at the least.
    pub count: u64,
    /// How many more it may have been. 0: the count is exact.
    #[serde(skip_serializing_if = "is_zero")]
    pub or_more: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl<K> Default for Heavy<K> {
    fn default() -> Self {
        Self { counts: FxHashMap::default(), missed: 0 }
    }
}

impl<K: Hash + Eq + Clone + Ord> Heavy<K> {
    /// Counts one.
    pub fn add(&mut self, key: K) {
        *self.counts.entry(key).or_insert(0) += 1;
        if self.counts.len() >= 2 * CAPACITY {
            self.cut();
        }
    }

    /// Takes the count of the last that is kept from all, and forgets those that have nothing left.
    fn cut(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let (_, last, _) = counts.select_nth_unstable_by(CAPACITY, |a, b| b.cmp(a));
        let last = *last;
        self.missed += last;
        self.counts.retain(|_, n| {
            *n = n.saturating_sub(last);
            *n > 0
        });
    }

    /// The `n` most frequent, the most frequent first; equals in the order of their keys.
    pub fn top(&self, n: usize) -> Vec<Talker<K>> {
        let mut all: Vec<_> = self.counts.iter().collect();
        all.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        all.truncate(n);
        all.into_iter().map(|(k, &count)| Talker { key: k.clone(), count, or_more: self.missed }).collect()
    }

    /// How many different keys there were; None if there were too many to tell.
    pub fn distinct(&self) -> Option<usize> {
        (self.missed == 0).then_some(self.counts.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_exact_and_many_keep_the_heavy_ones_in_bounds() {
        let mut few = Heavy::default();
        "abacada".chars().for_each(|c| few.add(c));
        assert_eq!(few.top(2), [Talker { key: 'a', count: 4, or_more: 0 }, Talker { key: 'b', count: 1, or_more: 0 }]);
        assert_eq!(few.distinct(), Some(4));
        let mut many = Heavy::default();
        for n in 0..200_000u32 {
            many.add(n);
            if n % 10 == 0 {
                many.add(u32::MAX);
            }
        }
        let top = many.top(1);
        assert_eq!(top[0].key, u32::MAX);
        assert!((top[0].count..=top[0].count + top[0].or_more).contains(&20_000), "{top:?}");
        assert!(many.counts.len() < 2 * CAPACITY && many.distinct().is_none());
    }
}
