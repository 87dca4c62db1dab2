//! The members of a small set, in a line: `{ 22, 80-443 }`.

use crate::ruleset::nft::Set;
use crate::sys::nft::{ElementFlags, SetFlags};

/// Sets with more elements than this are counted instead.
const FEW: usize = 12;

/// What an anonymous set of single values holds, each shown by `show`; `None` where that would not be short or plain.
pub fn few_members(set: &Set, show: &dyn Fn(&[u8]) -> String) -> Option<String> {
    if set.elements.len() > FEW || set.elements.iter().any(|e| e.key_end.is_some()) {
        return None;
    }
    if !set.def.flags.contains(SetFlags::INTERVAL) {
        let all: Vec<String> = set.elements.iter().map(|e| show(e.key.as_bytes())).collect();
        return Some(format!("{{ {} }}", all.join(", ")));
    }
    // An interval is an element where it begins, and one that says where it has ended.
    let mut edges: Vec<_> = set.elements.iter().map(|e| (e.key.as_bytes(), e.flags)).collect();
    edges.sort_by_key(|(key, flags)| (*key, !flags.contains(ElementFlags::INTERVAL_END)));
    let mut all = Vec::new();
    let mut edges = edges.into_iter().filter(|(_, f)| !f.contains(ElementFlags::CATCHALL)).peekable();
    while let Some((first, flags)) = edges.next() {
        if flags.contains(ElementFlags::INTERVAL_END) {
            continue;
        }
        let last = match edges.peek() {
            Some((end, flags)) if flags.contains(ElementFlags::INTERVAL_END) => before(end)?,
            Some((next, _)) => before(next)?,
            None => vec![0xff; first.len()],
        };
        all.push(if last == first { show(first) } else { format!("{}-{}", show(first), show(&last)) });
    }
    Some(format!("{{ {} }}", all.join(", ")))
}

/// The number before this one, in network order.
fn before(key: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = key.to_vec();
    for byte in bytes.iter_mut().rev() {
        let (less, borrow) = byte.overflowing_sub(1);
        *byte = less;
        if !borrow {
            return Some(bytes);
        }
    }
    None
}
