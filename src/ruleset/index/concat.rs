//! Sets whose keys are several fields, each a range (`nft_set_pipapo`).
//!
//! A tree over the first field gives the few lists of elements whose range of it holds the key; each list is either
//! short, and tried one by one, or has such a tree over the next field. The kernel answers with the element that it
//! lists first, where several match.

use smallvec::SmallVec;

use crate::sys::nft::Element;

/// Lists up to this length are tried one by one.
const SHORT: usize = 12;

/// A field of a key as a number; the kernel compares ranges from the first byte on.
type Field = u128;

/// The elements by ranges of their fields.
#[derive(Debug)]
pub struct Concat {
    /// Where each field is in the key, in bytes: offset, length.
    fields: SmallVec<[(usize, usize); 4]>,
    /// First and last value of every field of every element.
    ranges: Box<[(Field, Field)]>,
    root: List,
}

#[derive(Debug)]
enum List {
    /// Positions of elements in ascending order.
    Short(Box<[u32]>),
    Tree(Box<Tree>),
}

/// A segment tree: the values of a field fall into pieces at the ends of ranges, each piece is a leaf.
#[derive(Debug)]
struct Tree {
    /// Where the pieces begin.
    starts: Box<[Field]>,
    /// Heap order; the leaves are the second half.
    nodes: Box<[List]>,
}

impl Concat {
    /// Of these elements, whose fields have these lengths in bytes; each field takes a multiple of four in the key.
    pub fn new(elements: &[Element], lengths: &[u32], key_length: u32) -> Self {
        let whole = [key_length];
        let lengths = if lengths.is_empty() { &whole } else { lengths };
        let mut fields = SmallVec::new();
        let mut at = 0usize;
        for &len in lengths {
            // A longer field than the kernel allows is taken in pieces; the ranges that matter are those of addresses.
            let len = len as usize;
            fields.push((at, len.min(size_of::<Field>())));
            at = at.saturating_add(len.next_multiple_of(4));
        }
        let mut this = Self { fields, ranges: Box::default(), root: List::Short(Box::default()) };
        let mut ranges = Vec::with_capacity(elements.len() * this.fields.len());
        let mut all = Vec::with_capacity(elements.len());
        for (e, i) in elements.iter().zip(0u32..) {
            let last = e.key_end.as_ref().unwrap_or(&e.key);
            let read = |key: &[u8]| (0..this.fields.len()).map(|f| this.field(key, f)).collect::<Option<Vec<_>>>();
            match (read(&e.key), read(last)) {
                (Some(from), Some(to)) if !e.is_catchall() => {
                    ranges.extend(from.into_iter().zip(to));
                    all.push(i);
                }
                _ => ranges.extend(std::iter::repeat_n((1, 0), this.fields.len())),
            }
        }
        this.ranges = ranges.into();
        this.root = this.list(all, 0);
        this
    }

    fn field(&self, key: &[u8], field: usize) -> Option<Field> {
        let &(at, len) = self.fields.get(field)?;
        let mut value = [0; size_of::<Field>()];
        value.get_mut(..len)?.copy_from_slice(key.get(at..at.checked_add(len)?)?);
        Some(Field::from_be_bytes(value))
    }

    fn range(&self, element: u32, field: usize) -> (Field, Field) {
        self.ranges.get(element as usize * self.fields.len() + field).copied().unwrap_or((1, 0))
    }

    fn list(&self, elements: Vec<u32>, field: usize) -> List {
        if elements.len() <= SHORT || field >= self.fields.len() {
            return List::Short(elements.into());
        }
        let mut starts: Vec<Field> = Vec::with_capacity(elements.len() * 2);
        for &e in &elements {
            let (from, to) = self.range(e, field);
            starts.push(from);
            starts.extend(to.checked_add(1));
        }
        starts.sort_unstable();
        starts.dedup();
        let leaves = starts.len();
        let mut nodes: Vec<Vec<u32>> = vec![Vec::new(); leaves * 2];
        for e in elements {
            let (from, to) = self.range(e, field);
            let piece = |v: Field| starts.partition_point(|&s| s < v);
            let mut low = leaves + piece(from);
            let mut high = leaves + to.checked_add(1).map_or(leaves, piece);
            while low < high {
                if low & 1 == 1 {
                    if let Some(n) = nodes.get_mut(low) {
                        n.push(e);
                    }
                    low += 1;
                }
                if high & 1 == 1 {
                    high -= 1;
                    if let Some(n) = nodes.get_mut(high) {
                        n.push(e);
                    }
                }
                low /= 2;
                high /= 2;
            }
        }
        let nodes = nodes.into_iter().map(|n| self.list(n, field + 1)).collect();
        List::Tree(Box::new(Tree { starts: starts.into(), nodes }))
    }

    /// The first living element all of whose ranges hold the key.
    pub fn find(&self, key: &[u8], alive: &mut dyn FnMut(u32) -> bool) -> Option<u32> {
        let mut values: SmallVec<[Field; 4]> = SmallVec::new();
        for f in 0..self.fields.len() {
            values.push(self.field(key, f)?);
        }
        let mut best = None;
        self.search(&self.root, 0, &values, &mut best, alive);
        best
    }

    fn search(
        &self,
        list: &List,
        field: usize,
        key: &[Field],
        best: &mut Option<u32>,
        alive: &mut dyn FnMut(u32) -> bool,
    ) {
        match list {
            List::Short(elements) => {
                for &e in elements {
                    if best.is_some_and(|b| b <= e) {
                        return;
                    }
                    let inside = key.iter().enumerate().skip(field).all(|(f, v)| {
                        let (from, to) = self.range(e, f);
                        from <= *v && *v <= to
                    });
                    if inside && alive(e) {
                        *best = Some(e);
                        return;
                    }
                }
            }
            List::Tree(tree) => {
                let Some(v) = key.get(field) else { return };
                let behind = tree.starts.partition_point(|s| s <= v);
                let Some(piece) = behind.checked_sub(1) else { return };
                let mut node = tree.starts.len() + piece;
                while node >= 1 {
                    if let Some(list) = tree.nodes.get(node) {
                        self.search(list, field + 1, key, best, alive);
                    }
                    node /= 2;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::nft::Data;

    fn key(a: u32, b: u16) -> Data {
        let mut k = a.to_be_bytes().to_vec();
        k.extend(b.to_be_bytes());
        k.extend([0, 0]);
        Data::new(k)
    }

    #[test]
    fn the_first_element_whose_ranges_hold_the_key_is_found() {
        // A small generator: ranges of two fields that overlap each other in every way.
        let mut state = 1u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % n
        };
        let elements: Vec<(u32, u32, u16, u16)> = (0..400)
            .map(|_| {
                let (a, b) = (next(200), next(200) as u16);
                (a, a + next(30), b, b + next(40) as u16)
            })
            .collect();
        let set: Vec<Element> = elements
            .iter()
            .map(|&(a, b, c, d)| Element { key: key(a, c), key_end: Some(key(b, d)), ..Element::default() })
            .collect();
        let x = Concat::new(&set, &[4, 2], 8);
        for a in 0..235 {
            for b in 0..245 {
                let want = elements.iter().position(|e| (e.0..=e.1).contains(&a) && (e.2..=e.3).contains(&b));
                assert_eq!(x.find(&key(a, b), &mut |_| true), want.map(|w| w as u32), "{a} {b}");
                let alive = |i: u32| !i.is_multiple_of(3);
                let want = (0u32..)
                    .zip(&elements)
                    .find(|(i, e)| alive(*i) && (e.0..=e.1).contains(&a) && (e.2..=e.3).contains(&b));
                assert_eq!(x.find(&key(a, b), &mut { alive }), want.map(|w| w.0), "{a} {b}, some expired");
            }
        }
        assert_eq!(x.find(&[1, 2], &mut |_| true), None);
    }

    #[test]
    fn the_last_value_of_a_field_is_inside_an_open_range() {
        let set: Vec<Element> = (0..20)
            .map(|n| Element { key: key(n, 1), key_end: Some(key(u32::MAX, u16::MAX)), ..Element::default() })
            .collect();
        let x = Concat::new(&set, &[4, 2], 8);
        assert_eq!(x.find(&key(u32::MAX, u16::MAX), &mut |_| true), Some(0));
        assert_eq!(x.find(&key(u32::MAX, 0), &mut |_| true), None);
    }
}
