//! Is everything of a box in others that came before?
//!
//! The box is tried at a few points. One that is in no earlier box settles it. Otherwise a box that holds the point is cut
//! out, and what is left is tried again; the number of pieces is bounded, and where they run out the answer is that it is too complex.

use rustc_hash::{FxHashMap, FxHashSet};

use super::axis::Axes;
use super::ranges::Ranges;
use super::region::Region;

/// So many pieces of one box are tried.
const MOST_PIECES: usize = 5000;
/// A box with more ranges on an axis is not filed by that axis.
const MOST_RANGES: usize = 256;

/// What is known of a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is in these, together, by the order in which they were added, from 0.
    Covered(Vec<u32>),
    /// Something of it is in none.
    Free,
    /// Too many pieces.
    TooComplex,
}

/// Boxes, filed so that those that hold a point are found without trying all.
#[derive(Debug, Default)]
pub struct Index {
    covers: Vec<Region>,
    /// By axis and width of range (as a power of two): the boxes whose range begins or ends in each block of that width.
    groups: FxHashMap<(u32, u32), FxHashMap<u128, Vec<u32>>>,
    /// Which widths there are on each axis.
    widths: FxHashMap<u32, Vec<u32>>,
    /// Boxes that are tried always.
    always: Vec<u32>,
    /// How well each axis tells boxes apart: how many different values are asked for.
    spread: FxHashMap<u32, usize>,
    /// The axes of which every value is asked for.
    exhausted: Vec<u32>,
    work: u64,
}

/// A chain may cost so many comparisons; what is left then is too complex.
const MOST_WORK: u64 = 200_000_000;

impl Index {
    /// For boxes that will be added, whose axes are these.
    pub fn new<'r>(regions: impl Iterator<Item = &'r Region> + Clone, axes: &Axes) -> Self {
        let mut values: FxHashMap<u32, FxHashSet<u128>> = FxHashMap::default();
        // Many rules ask for the members of one set.
        let mut asked: FxHashMap<u32, FxHashSet<&Ranges>> = FxHashMap::default();
        for (axis, ranges) in regions.flat_map(Region::iter) {
            values.entry(axis).or_default().extend(ranges.low());
            asked.entry(axis).or_default().insert(ranges);
        }
        let left = |axis, all: FxHashSet<&Ranges>| {
            Ranges::of(all.into_iter().flat_map(Ranges::iter)).not(axes.max(axis)).high()
        };
        let exhausted = asked.into_iter().filter(|(_, all)| all.iter().any(|r| !r.is_empty()));
        let exhausted = exhausted.filter_map(|(axis, all)| left(axis, all).is_none().then_some(axis));
        Self {
            spread: values.into_iter().map(|(axis, v)| (axis, v.len())).collect(),
            exhausted: exhausted.collect(),
            ..Self::default()
        }
    }

    /// Adds a box.
    pub fn add(&mut self, cover: Region) {
        let id = self.covers.len() as u32;
        let usable = cover.iter().filter(|(_, r)| r.len() <= MOST_RANGES);
        let key = usable.max_by_key(|(axis, _)| self.spread.get(axis).copied().unwrap_or(0));
        match key {
            Some((axis, ranges)) if self.spread.get(&axis).copied().unwrap_or(0) > 1 => {
                for (low, high) in ranges.iter() {
                    let width = 128 - (high - low).leading_zeros();
                    let widths = self.widths.entry(axis).or_default();
                    if !widths.contains(&width) {
                        widths.push(width);
                    }
                    let group = self.groups.entry((axis, width)).or_default();
                    let (first, last) = (shifted(low, width), shifted(high, width));
                    for block in [Some(first), Some(last).filter(|l| *l != first)].into_iter().flatten() {
                        let list = group.entry(block).or_default();
                        if list.last() != Some(&id) {
                            list.push(id);
                        }
                    }
                }
            }
            _ => self.always.push(id),
        }
        self.covers.push(cover);
    }

    /// A box that holds a point. `point` names the axes on which it has a value that anything asks for.
    fn holder(&mut self, point: &FxHashMap<u32, u128>) -> Option<u32> {
        let mut work = 0;
        let mut found = None;
        {
            let holds = |id: &&u32| {
                self.covers
                    .get(**id as usize)
                    .is_some_and(|c| c.iter().all(|(axis, r)| point.get(&axis).is_some_and(|v| r.contains(*v))))
            };
            work += self.always.len() as u64;
            found = found.or_else(|| self.always.iter().find(holds).copied());
            if found.is_none() {
                'all: for (axis, value) in point {
                    for width in self.widths.get(axis).map_or(&[][..], Vec::as_slice) {
                        let Some(group) = self.groups.get(&(*axis, *width)) else { continue };
                        let Some(list) = group.get(&shifted(*value, *width)) else { continue };
                        work += list.len() as u64;
                        if let Some(id) = list.iter().find(holds) {
                            found = Some(*id);
                            break 'all;
                        }
                    }
                }
            }
        }
        self.work += work + 1;
        found
    }

    /// Is everything of a box in the ones that were added?
    pub fn test(&mut self, region: &Region, axes: &Axes) -> Verdict {
        if self.covers.is_empty() {
            return Verdict::Free;
        }
        let mut open = vec![region.clone()];
        let mut used: Vec<u32> = Vec::new();
        let mut pieces = 0;
        while let Some(piece) = open.pop() {
            pieces += 1;
            if pieces + open.len() > MOST_PIECES || self.work > MOST_WORK {
                return Verdict::TooComplex;
            }
            let mut holder = None;
            for how in 0..SAMPLES {
                let point = self.point(&piece, axes, how);
                match self.holder(&point) {
                    None => return Verdict::Free,
                    Some(id) => holder = holder.or(Some(id)),
                }
            }
            let Some((id, cover)) = holder.and_then(|id| Some((id, self.covers.get(id as usize)?))) else {
                return Verdict::Free;
            };
            if !used.contains(&id) {
                used.push(id);
            }
            open.extend(piece.without(cover, axes));
        }
        used.sort_unstable();
        Verdict::Covered(used)
    }

    /// Which boxes take the parts of a box that all of them together cover, each part counted for the first one that has it. None:
    /// too many pieces.
    pub fn takers(&self, region: &Region, axes: &Axes) -> Option<Vec<u32>> {
        let mut left = vec![region.clone()];
        let mut takers = Vec::new();
        for (id, cover) in (0u32..).zip(&self.covers) {
            if !left.iter().any(|piece| cover.meets(piece)) {
                continue;
            }
            takers.push(id);
            left = left.iter().flat_map(|piece| piece.without(cover, axes)).collect();
            if left.is_empty() {
                break;
            }
            if left.len() > MOST_PIECES {
                return None;
            }
        }
        Some(takers)
    }

    /// A point of a box.
    fn point(&self, region: &Region, axes: &Axes, how: u32) -> FxHashMap<u32, u128> {
        let mut point = FxHashMap::default();
        for (axis, ranges) in region.iter() {
            let n = ranges.len().max(1);
            let pick = match how {
                0 => ranges.low(),
                1 => ranges.high(),
                how => {
                    // Somewhere inside, not the same on every axis.
                    let nth = (how as usize * 7 + axis as usize * 3) % n;
                    ranges.iter().nth(nth).map(|(low, high)| low + (high - low) / u128::from(how))
                }
            };
            point.extend(pick.map(|v| (axis, v)));
        }
        // On all other axes a value that nobody asks for, if there is one.
        for axis in &self.exhausted {
            if !point.contains_key(axis) && region.get(*axis).is_none() {
                let max = axes.max(*axis);
                point.insert(*axis, if how == 0 { 0 } else { max / u128::from(how) });
            }
        }
        point
    }
}

/// So many points of each piece are tried before one is cut.
const SAMPLES: u32 = 4;

fn shifted(v: u128, width: u32) -> u128 {
    v.checked_shr(width).unwrap_or(0)
}
