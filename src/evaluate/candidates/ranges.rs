//! Rules by ranges of a number: a segment tree, in which few lists hold all ranges around a number.

/// The ranges. The numbers fall into pieces at the ends of ranges; each piece is a leaf.
#[derive(Debug)]
pub(super) struct Ranges {
    /// Where the pieces begin, ascending.
    starts: Box<[u128]>,
    /// In heap order, the leaves behind the rest; rules are ascending in each.
    nodes: Box<[Vec<u32>]>,
}

impl Ranges {
    /// Of rules in ascending order, with the first and the last number of each.
    pub(super) fn new(rules: impl Iterator<Item = (u32, u128, u128)> + Clone) -> Self {
        let mut starts: Vec<u128> =
            rules.clone().flat_map(|(_, from, to)| [Some(from), to.checked_add(1)]).flatten().collect();
        starts.sort_unstable();
        starts.dedup();
        let leaves = starts.len();
        let mut nodes = vec![Vec::new(); leaves * 2];
        let mut put = |at: usize, rule| {
            if let Some(n) = nodes.get_mut(at) {
                let n: &mut Vec<u32> = n;
                n.push(rule);
            }
        };
        for (rule, from, to) in rules.filter(|r| r.1 <= r.2) {
            let piece = |v: u128| starts.partition_point(|&s| s < v);
            let mut low = leaves + piece(from);
            let mut high = leaves + to.checked_add(1).map_or(leaves, piece);
            while low < high {
                if low & 1 == 1 {
                    put(low, rule);
                    low += 1;
                }
                if high & 1 == 1 {
                    high -= 1;
                    put(high, rule);
                }
                low /= 2;
                high /= 2;
            }
        }
        Self { starts: starts.into(), nodes: nodes.into() }
    }

    /// Tells of the lists of rules whose ranges hold that number.
    pub(super) fn around<'r>(&'r self, number: u128, mut tell: impl FnMut(&'r [u32])) {
        let Some(piece) = self.starts.partition_point(|&s| s <= number).checked_sub(1) else { return };
        let mut at = self.starts.len() + piece;
        while at > 0 {
            if let Some(rules) = self.nodes.get(at).filter(|r| !r.is_empty()) {
                tell(rules);
            }
            at /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_around_a_number_is_found_and_no_other() {
        let ranges: Vec<(u32, u128, u128)> = (0..60u32)
            .map(|n| {
                let from = u128::from(n * 7919 % 100);
                (n, from, from + u128::from(n * 31 % 40))
            })
            .chain([(60, 20, u128::MAX), (61, 0, u128::MAX), (62, 9, 3)])
            .collect();
        let tree = Ranges::new(ranges.iter().copied());
        for number in (0..160).chain([u128::MAX]) {
            let mut found: Vec<u32> = Vec::new();
            tree.around(number, |rules| found.extend(rules));
            found.sort_unstable();
            let want: Vec<u32> = ranges.iter().filter(|r| (r.1..=r.2).contains(&number)).map(|r| r.0).collect();
            assert_eq!(found, want, "{number}");
        }
        Ranges::new(std::iter::empty()).around(5, |_| unreachable!("nothing is there"));
    }
}
