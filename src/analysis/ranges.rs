//! Sets of values of one axis.

use smallvec::{SmallVec, smallvec};

/// A set of numbers, as ascending ranges that do not touch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Ranges(SmallVec<[(u128, u128); 1]>);

impl Ranges {
    /// One value.
    pub fn one(v: u128) -> Self {
        Self(smallvec![(v, v)])
    }

    /// From one value to another, both included; none if they are the other way round.
    pub fn span(low: u128, high: u128) -> Self {
        if low <= high { Self(smallvec![(low, high)]) } else { Self::default() }
    }

    /// All of these.
    pub fn of(ranges: impl IntoIterator<Item = (u128, u128)>) -> Self {
        let mut all: SmallVec<[(u128, u128); 1]> = ranges.into_iter().filter(|(a, b)| a <= b).collect();
        all.sort_unstable();
        let mut merged: SmallVec<[(u128, u128); 1]> = SmallVec::new();
        for (low, high) in all {
            match merged.last_mut() {
                Some(last) if last.1.checked_add(1).is_none_or(|next| low <= next) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    /// The ranges.
    pub fn iter(&self) -> impl Iterator<Item = (u128, u128)> + '_ {
        self.0.iter().copied()
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is nothing in it?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lowest value.
    pub fn low(&self) -> Option<u128> {
        self.0.first().map(|r| r.0)
    }

    /// The highest value.
    pub fn high(&self) -> Option<u128> {
        self.0.last().map(|r| r.1)
    }

    /// Is the value in it?
    pub fn contains(&self, v: u128) -> bool {
        let after = self.0.partition_point(|r| r.0 <= v);
        after.checked_sub(1).and_then(|i| self.0.get(i)).is_some_and(|r| v <= r.1)
    }

    /// Is anything in both?
    pub fn meets(&self, other: &Self) -> bool {
        let (few, many) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        few.iter().any(|(low, high)| {
            let after = many.0.partition_point(|r| r.1 < low);
            many.0.get(after).is_some_and(|r| r.0 <= high)
        })
    }

    /// What is in both.
    pub fn and(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = SmallVec::new();
        while let (Some(&&(al, ah)), Some(&&(bl, bh))) = (a.peek(), b.peek()) {
            let (low, high) = (al.max(bl), ah.min(bh));
            if low <= high {
                both.push((low, high));
            }
            if ah < bh {
                a.next()
            } else {
                b.next()
            };
        }
        Self(both)
    }

    /// What is in this one, but not in the other.
    pub fn without(&self, other: &Self) -> Self {
        let mut rest = SmallVec::new();
        let mut others = other.0.iter().copied().peekable();
        for &(low, high) in &self.0 {
            let mut from = Some(low);
            while let Some((l, h)) = others.peek().copied() {
                let Some(at) = from else { break };
                if h < at {
                    others.next();
                    continue;
                }
                if l > high {
                    break;
                }
                if l > at {
                    rest.push((at, l - 1));
                }
                from = h.checked_add(1).filter(|next| *next <= high);
                if from.is_some() {
                    others.next();
                }
            }
            if let Some(at) = from.filter(|at| *at <= high) {
                rest.push((at, high));
            }
        }
        Self(rest)
    }

    /// Everything up to `max` that is not in it.
    pub fn not(&self, max: u128) -> Self {
        Self::span(0, max).without(self)
    }

    /// Is everything of the other one in this one?
    pub fn covers(&self, other: &Self) -> bool {
        other.without(self).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn small() -> impl Strategy<Value = Ranges> {
        prop::collection::vec((0u128..40, 0u128..8), 0..6)
            .prop_map(|v| Ranges::of(v.into_iter().map(|(a, n)| (a, a + n))))
    }

    proptest! {
        #[test]
        fn operations_are_those_of_sets(a in small(), b in small()) {
            for v in 0..50u128 {
                let (x, y) = (a.contains(v), b.contains(v));
                prop_assert_eq!(a.and(&b).contains(v), x && y);
                prop_assert_eq!(a.without(&b).contains(v), x && !y);
                prop_assert_eq!(a.not(49).contains(v), !x);
            }
            prop_assert_eq!(a.meets(&b), !a.and(&b).is_empty());
            prop_assert_eq!(a.covers(&b), (0..50).all(|v| !b.contains(v) || a.contains(v)));
        }
    }

    #[test]
    fn the_ends_of_the_numbers_are_numbers_too() {
        let all = Ranges::span(0, u128::MAX);
        assert_eq!(all.without(&Ranges::one(u128::MAX)).high(), Some(u128::MAX - 1));
        assert!(all.without(&all).is_empty() && Ranges::one(0).not(u128::MAX).contains(u128::MAX));
        assert_eq!(Ranges::of([(5, u128::MAX), (0, 4)]), all);
    }
}
