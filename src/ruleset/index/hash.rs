//! Sets of single keys: a hash table of positions, so that no key is kept twice.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::sys::nft::Element;

/// Positions of elements by the hash of their keys, with linear probing.
#[derive(Debug)]
pub struct Exact {
    slots: Box<[u32]>,
    shift: u32,
}

const EMPTY: u32 = u32::MAX;

impl Exact {
    /// Of these elements; those without a key are left out.
    pub fn new(elements: &[Element]) -> Self {
        let size = (elements.len() * 2).next_power_of_two().max(2);
        let mut this = Self { slots: vec![EMPTY; size].into(), shift: 64 - size.trailing_zeros() };
        for (i, e) in elements.iter().enumerate() {
            let Ok(i) = u32::try_from(i) else { break };
            if e.is_catchall() || e.is_interval_end() || i == EMPTY {
                continue;
            }
            let mut at = this.home(e.key.as_bytes());
            // There are twice as many slots as elements: an empty one comes.
            while let Some(slot) = this.slots.get_mut(at) {
                if *slot == EMPTY {
                    *slot = i;
                    break;
                }
                at = (at + 1) & (size - 1);
            }
        }
        this
    }

    /// The first living element of that key.
    pub fn find(&self, elements: &[Element], key: &[u8], alive: &mut dyn FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(key);
        loop {
            let &i = self.slots.get(at)?;
            let e = elements.get(i as usize)?; // an empty slot is beyond the last element
            if e.key.as_bytes() == key && alive(i) {
                return Some(i);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn home(&self, key: &[u8]) -> usize {
        let mut h = FxHasher::default();
        h.write(key);
        (h.finish().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::nft::Data;

    #[test]
    fn every_key_is_found_and_no_other() {
        let elements: Vec<Element> =
            (0..5000u32).map(|n| Element { key: Data::new((n * 7).to_be_bytes()), ..Element::default() }).collect();
        let x = Exact::new(&elements);
        for n in 0..40_000u32 {
            let want = (n % 7 == 0 && n < 35_000).then_some(n / 7);
            assert_eq!(x.find(&elements, &n.to_be_bytes(), &mut |_| true), want);
        }
        assert_eq!(x.find(&elements, &7u32.to_be_bytes(), &mut |i| i != 1), None, "expired");
        assert_eq!(x.find(&elements, &[0; 5], &mut |_| true), None);
        assert_eq!(Exact::new(&[]).find(&[], &[], &mut |_| true), None);
    }
}
