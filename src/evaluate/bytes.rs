//! The bytes of a packet, which note what of them has been looked at: an answer holds for every packet that does not
//! differ there.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bytes, and what of them was looked at. Copies share that note.
///
/// Whatever goes by the slice counts as a look at everything; [`range`](Self::range) looks at a part.
#[derive(Debug, Clone, Default)]
pub struct Bytes {
    data: Vec<u8>,
    looks: Arc<Looks>,
}

/// The first bytes one by one, and the rest as a whole.
#[derive(Debug, Default)]
struct Looks {
    first: [AtomicU64; 2],
    rest: AtomicBool,
}

/// Which bytes: the first 128 one by one, the others as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Looked {
    /// Byte `n` is bit `n`.
    pub first: u128,
    /// Those behind.
    pub rest: bool,
}

/// How many bytes are told apart.
const FIRST: usize = 128;

impl Looked {
    /// No byte.
    pub const NONE: Self = Self { first: 0, rest: false };
    /// Every byte.
    pub const ALL: Self = Self { first: u128::MAX, rest: true };

    /// The same and these.
    #[must_use]
    pub fn with(mut self, from: usize, len: usize) -> Self {
        if len > 0 {
            let to = from.saturating_add(len);
            self.first |= bits(to) & !bits(from);
            self.rest |= to > FIRST;
        }
        self
    }

    /// The runs of the bytes that are told apart: from, to.
    pub fn runs(self) -> impl Iterator<Item = (usize, usize)> {
        let mut left = self.first;
        std::iter::from_fn(move || {
            let from = left.trailing_zeros();
            let len = left.checked_shr(from)?.trailing_ones();
            let to = from + len;
            left = if to >= u128::BITS { 0 } else { left >> to << to };
            Some((from as usize, to as usize))
        })
    }

    /// Takes these bytes out, one behind the other, as far as they are there.
    pub fn pick(&self, bytes: &[u8], into: &mut impl Extend<u8>) {
        for (from, to) in self.runs() {
            into.extend(bytes.get(from.min(bytes.len())..to.min(bytes.len())).unwrap_or(&[]).iter().copied());
        }
        if self.rest {
            into.extend(bytes.get(FIRST..).unwrap_or(&[]).iter().copied());
        }
    }

    /// Are all of these among `others`?
    pub fn is_within(&self, others: &Self) -> bool {
        self.first & !others.first == 0 && (others.rest || !self.rest)
    }
}

/// The bits of the bytes before that one.
fn bits(before: usize) -> u128 {
    if before >= FIRST { u128::MAX } else { (1 << before) - 1 }
}

impl Bytes {
    /// A part of them, which counts as looked at; None if it is not all there.
    #[inline]
    pub fn range(&self, from: usize, len: usize) -> Option<&[u8]> {
        self.look(from, len);
        self.data.get(from..from.checked_add(len)?)
    }

    /// How many there are, which is no look at any.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The bytes for showing them, which decides nothing and counts for nothing.
    pub fn shown(&self) -> &[u8] {
        &self.data
    }

    /// Drops what is behind so many.
    pub fn truncate(&mut self, len: usize) {
        self.data.truncate(len);
    }

    /// Takes bytes out. What is looked at later is not where it was, so that all counts as looked at.
    pub fn remove(&mut self, at: usize, len: usize) {
        self.look(0, usize::MAX);
        let at = at.min(self.data.len());
        self.data.drain(at..at.saturating_add(len).min(self.data.len()));
    }

    /// Puts bytes in between; all count as looked at then.
    pub fn insert(&mut self, at: usize, new: &[u8]) {
        self.look(0, usize::MAX);
        let at = at.min(self.data.len());
        self.data.splice(at..at, new.iter().copied());
    }

    /// What has been looked at so far.
    pub fn looked(&self) -> Looked {
        let half = |n: usize| u128::from(self.looks.first.get(n).map_or(0, |h| h.load(Ordering::Relaxed)));
        Looked { first: half(0) | half(1) << 64, rest: self.looks.rest.load(Ordering::Relaxed) }
    }

    #[inline]
    fn look(&self, from: usize, len: usize) {
        let new = Looked::NONE.with(from, len);
        for (n, half) in self.looks.first.iter().enumerate() {
            let bits = (new.first >> (64 * n)) as u64;
            // Mostly they have been looked at before.
            if half.load(Ordering::Relaxed) & bits != bits {
                half.fetch_or(bits, Ordering::Relaxed);
            }
        }
        if new.rest {
            self.looks.rest.store(true, Ordering::Relaxed);
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.look(0, usize::MAX);
        &self.data
    }
}

impl DerefMut for Bytes {
    /// Writing is no look.
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(data: Vec<u8>) -> Self {
        Self { data, looks: Arc::default() }
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

impl Eq for Bytes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_noted_byte_by_byte_and_shared_by_copies() {
        let b = Bytes::from(vec![7; 200]);
        let copy = b.clone();
        assert_eq!((b.range(12, 4), b.looked()), (Some(&[7; 4][..]), Looked::NONE.with(12, 4)));
        assert_eq!(copy.range(60, 8).map(<[u8]>::len), Some(8));
        assert_eq!(b.looked(), Looked::NONE.with(12, 4).with(60, 8));
        assert_eq!((b.len(), b.shown().len()), (200, 200));
        assert!(!b.looked().rest);
        assert_eq!(b.range(127, 2), Some(&[7, 7][..]));
        assert!(b.looked().rest && b.looked().first >> 127 == 1);
    }

    #[test]
    fn what_was_looked_at_is_taken_out() {
        let bytes: Vec<u8> = (0..=199).collect();
        let picked = |l: Looked, n: usize| {
            let mut v = Vec::new();
            l.pick(&bytes[..n], &mut v);
            v
        };
        assert_eq!(picked(Looked::NONE.with(3, 2).with(9, 1), 200), [3, 4, 9]);
        assert_eq!(picked(Looked::NONE.with(3, 2).with(9, 9), 10), [3, 4, 9]);
        assert_eq!(picked(Looked::NONE.with(126, 3), 130), [126, 127, 128, 129]);
        assert_eq!((picked(Looked::ALL, 200), picked(Looked::NONE, 200).len()), (bytes.clone(), 0));
    }

    #[test]
    fn the_slice_is_a_look_at_everything() {
        let b = Bytes::from(vec![1, 2, 3]);
        assert_eq!(b.iter().sum::<u8>(), 6);
        assert_eq!(b.looked(), Looked::ALL);
        assert!(Looked::NONE.with(3, 9).is_within(&Looked::ALL));
        assert!(!Looked::NONE.with(0, 9).is_within(&Looked::NONE.with(0, 8)));
        assert!(!Looked::NONE.with(200, 1).is_within(&Looked { rest: false, ..Looked::ALL }));
        assert_eq!(Looked::NONE.with(5, 0), Looked::NONE);
    }
}
