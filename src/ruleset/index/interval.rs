//! Sets of intervals of one field (`nft_set_rbtree`).
//!
//! The kernel holds the first key of each interval, and the first key behind it marked as an end. A key is inside
//! if the last mark at or before it is no end.

use crate::sys::nft::Element;

/// The marks in ascending order of their keys.
#[derive(Debug)]
pub struct Intervals {
    /// All keys in one piece, `width` bytes each.
    keys: Box<[u8]>,
    width: usize,
    marks: Box<[Mark]>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    element: u32,
    end: bool,
}

impl Intervals {
    /// Of these elements.
    pub fn new(elements: &[Element]) -> Self {
        let width = elements.iter().map(|e| e.key.len()).max().unwrap_or(0);
        let mut sorted: Vec<(&[u8], Mark)> = elements
            .iter()
            .zip(0u32..)
            .filter(|(e, _)| !e.is_catchall() && e.key.len() == width)
            .map(|(e, element)| (e.key.as_bytes(), Mark { element, end: e.is_interval_end() }))
            .collect();
        // Where one interval ends and the next begins, the beginning counts: it comes last.
        sorted.sort_by_key(|&(key, mark)| (key, !mark.end));
        let keys = sorted.iter().flat_map(|(key, _)| key.iter().copied()).collect();
        Self { keys, width, marks: sorted.iter().map(|&(_, m)| m).collect() }
    }

    fn key(&self, i: usize) -> &[u8] {
        self.keys.get(i * self.width..(i + 1) * self.width).unwrap_or(&[])
    }

    /// The beginning of the interval around that key. Marks that have expired count as if they were not there.
    pub fn find(&self, key: &[u8], alive: &mut dyn FnMut(u32) -> bool) -> Option<u32> {
        if key.len() != self.width {
            return None;
        }
        let (mut low, mut high) = (0, self.marks.len());
        while low < high {
            let mid = low.midpoint(high);
            if self.key(mid) <= key { low = mid + 1 } else { high = mid }
        }
        for i in (0..low).rev() {
            let mark = self.marks.get(i)?;
            if alive(mark.element) {
                return (!mark.end).then_some(mark.element);
            }
            if self.key(i) == key && !mark.end {
                // The kernel looks no further when it meets the key itself.
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::nft::{Data, ElementFlags};

    fn mark(key: u16, end: bool) -> Element {
        let flags = if end { ElementFlags::INTERVAL_END } else { ElementFlags::empty() };
        Element { key: Data::new(key.to_be_bytes()), flags, ..Element::default() }
    }

    #[test]
    fn a_key_is_inside_from_the_first_to_before_the_end() {
        // 10-19, 30-39 next to 40-49, and 60000 to the last
        let e = [
            mark(0, true),
            mark(10, false),
            mark(20, true),
            mark(40, false),
            mark(30, false),
            mark(40, true),
            mark(50, true),
            mark(60000, false),
        ];
        let x = Intervals::new(&e);
        for key in 0..=u16::MAX {
            let want = match key {
                10..20 => Some(1),
                30..40 => Some(4),
                40..50 => Some(3),
                60000.. => Some(7),
                _ => None,
            };
            assert_eq!(x.find(&key.to_be_bytes(), &mut |_| true), want, "{key}");
        }
        assert_eq!(x.find(&[0; 4], &mut |_| true), None);
    }

    #[test]
    fn an_interval_that_expired_is_not_there() {
        let e = [mark(10, false), mark(20, true), mark(20, false), mark(30, true)];
        let x = Intervals::new(&e);
        let mut dead = |i| i != 2 && i != 3;
        assert_eq!(x.find(&15u16.to_be_bytes(), &mut dead), Some(0));
        assert_eq!(x.find(&25u16.to_be_bytes(), &mut dead), None);
        assert_eq!(x.find(&20u16.to_be_bytes(), &mut dead), None);
    }
}
