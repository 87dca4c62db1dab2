//! Boxes: packets with certain values on some axes, and any on the others.

use smallvec::SmallVec;

use super::axis::Axes;
use super::ranges::Ranges;

/// A box. An axis that is not named counts in full.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Region(SmallVec<[(u32, Ranges); 4]>);

impl Region {
    /// All packets.
    pub fn all() -> Self {
        Self::default()
    }

    /// Narrows one axis. False: nothing is left.
    pub fn narrow(&mut self, axis: u32, to: Ranges) -> bool {
        match self.0.binary_search_by_key(&axis, |p| p.0) {
            Ok(i) => match self.0.get_mut(i) {
                Some((_, ranges)) => {
                    *ranges = ranges.and(&to);
                    !ranges.is_empty()
                }
                None => true,
            },
            Err(i) => {
                let any = !to.is_empty();
                self.0.insert(i, (axis, to));
                any
            }
        }
    }

    /// What is in both. None: nothing.
    pub fn and(&self, other: &Self) -> Option<Self> {
        let mut both = self.clone();
        other.iter().all(|(axis, ranges)| both.narrow(axis, ranges.clone())).then_some(both)
    }

    /// Its ranges on an axis, if it names it.
    pub fn get(&self, axis: u32) -> Option<&Ranges> {
        self.0.binary_search_by_key(&axis, |p| p.0).ok().and_then(|i| self.0.get(i)).map(|p| &p.1)
    }

    /// The axes that it names.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Ranges)> {
        self.0.iter().map(|(a, r)| (*a, r))
    }

    /// Does it name none: is it everything?
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Is everything of the other in this one?
    pub fn covers(&self, other: &Self) -> bool {
        self.iter().all(|(axis, mine)| other.get(axis).is_some_and(|theirs| mine.covers(theirs)))
    }

    /// Is there anything in both?
    pub fn meets(&self, other: &Self) -> bool {
        self.iter().all(|(axis, mine)| other.get(axis).is_none_or(|theirs| mine.meets(theirs)))
    }

    /// What is left of it without the other: boxes that do not overlap.
    pub fn without(&self, other: &Self, axes: &Axes) -> Vec<Self> {
        if !self.meets(other) {
            return vec![self.clone()];
        }
        let (mut rest, mut left) = (self.clone(), Vec::new());
        for (axis, cut) in other.iter() {
            let mine = rest.get(axis).cloned().unwrap_or_else(|| Ranges::span(0, axes.max(axis)));
            let outside = mine.without(cut);
            if !outside.is_empty() {
                let mut piece = rest.clone();
                piece.set(axis, outside);
                left.push(piece);
            }
            rest.set(axis, mine.and(cut));
        }
        left
    }

    fn set(&mut self, axis: u32, to: Ranges) {
        match self.0.binary_search_by_key(&axis, |p| p.0) {
            Ok(i) => {
                if let Some(p) = self.0.get_mut(i) {
                    p.1 = to;
                }
            }
            Err(i) => self.0.insert(i, (axis, to)),
        }
    }
}
