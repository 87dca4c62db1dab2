//! Intervals: the kernel keeps where they begin and where they end, nft shows ranges and prefixes.

use nfblame_sys::nft::Element;

use super::SetView;

/// An element of a set of intervals.
pub(super) struct Item<'a> {
    /// Where it begins: this has the attributes too.
    pub element: &'a Element,
    pub low: u128,
    pub end: End,
}

/// How far an interval reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It is one value.
    Same,
    Prefix(u32),
    /// Every name that begins so.
    Wildcard,
    Last(u128),
    Catchall,
}

/// Joins begins and ends, in the order of the numbers.
pub(super) fn join<'a>(set: &SetView<'a>) -> Vec<Item<'a>> {
    let mut marks: Vec<(u128, bool, &Element)> = Vec::with_capacity(set.elements.len());
    let mut catchall = None;
    for element in set.elements {
        if element.is_catchall() {
            catchall = Some(element);
        } else {
            let value = element.key.as_bytes().iter().take(16).fold(0, |v, b| v << 8 | u128::from(*b));
            marks.push((value, !element.is_interval_end(), element));
        }
    }
    // An end comes before the begin of the next interval.
    marks.sort_by_key(|(value, begins, _)| (*value, *begins));

    // An interval without an end reaches as far as the bytes of the key do, also where the field has fewer bits.
    let bits = set.key.bits.clamp(8, 128).next_multiple_of(8);
    let highest = u128::MAX >> (128 - bits);
    let mut items = Vec::with_capacity(marks.len() / 2 + 1);
    let mut open: Option<(u128, &Element)> = None;
    for (value, begins, element) in marks {
        if let Some((low, from)) = open.take() {
            items.push(item(set, from, low, value.wrapping_sub(1), false));
        }
        if begins {
            open = Some((value, element));
        }
    }
    if let Some((low, from)) = open {
        items.push(item(set, from, low, highest, true));
    }
    if let Some(element) = catchall {
        items.push(Item { element, low: 0, end: End::Catchall });
    }
    items
}

fn item<'a>(set: &SetView<'a>, element: &'a Element, low: u128, high: u128, _open: bool) -> Item<'a> {
    let bits = element.key.len() as u32 * 8;
    let range = high.wrapping_sub(low);
    let is_prefix = range.wrapping_add(1) & range == 0 && low & range == 0;
    let end = if range == 0 {
        End::Same
    } else if is_prefix && set.key.ty.info().prefix {
        End::Prefix(bits - range.count_ones().min(bits))
    } else if is_prefix && set.key.ty.is_string() {
        let bytes = element.key.as_bytes();
        let len = bytes.iter().position(|b| *b == 0);
        match len {
            Some(len) if len > 0 && (bits - range.count_ones().min(bits)).is_multiple_of(8) => End::Wildcard,
            _ => End::Prefix(bits - range.count_ones().min(bits)),
        }
    } else {
        End::Last(high)
    };
    Item { element, low, end }
}

/// The length of the prefix that a range is, if it is one.
pub(super) fn prefix_length(low: u128, high: u128, bits: u32) -> Option<u32> {
    let (mut low, mut high, mut len) = (low, high, bits);
    while low <= high && low & 1 == 0 && high & 1 == 1 && len > 0 {
        low >>= 1;
        high >>= 1;
        len -= 1;
    }
    (low == high).then_some(len)
}

/// The length of the prefix that a range is, if it is one; a single value is one of full length.
pub fn exact_prefix(low: u128, high: u128, bits: u32) -> Option<u32> {
    let differ = low ^ high;
    let host = differ.trailing_ones();
    (differ.count_ones() == host && low.trailing_zeros() >= host).then(|| bits - host.min(bits))
}
