//! Bob Jenkins' lookup3 as the kernel has it (include/linux/jhash.h): NAT and `cluster` choose by it.

use smallvec::SmallVec;

const INITVAL: u32 = 0xdead_beef;

fn finish(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    for (x, shift) in [(0, 14), (1, 11), (2, 25), (0, 16), (1, 4), (2, 14), (0, 24)] {
        let (to, from) = match x {
            0 => (&mut c, b),
            1 => (&mut a, c),
            _ => (&mut b, a),
        };
        *to = (*to ^ from).wrapping_sub(from.rotate_left(shift));
    }
    c
}

/// `jhash`: over bytes.
pub fn bytes(bytes: &[u8], seed: u32) -> u32 {
    let (whole, rest) = bytes.as_chunks::<4>();
    let mut all: SmallVec<[u32; 16]> = whole.iter().map(|w| u32::from_ne_bytes(*w)).collect();
    if !rest.is_empty() {
        // The end is put together byte by byte, the first one lowest.
        all.push(rest.iter().rev().fold(0, |word, b| word << 8 | u32::from(*b)));
    }
    mix(&all, INITVAL.wrapping_add(bytes.len() as u32).wrapping_add(seed))
}

/// `jhash2`: over words in the machine's order.
pub fn words(words: &[u32], seed: u32) -> u32 {
    mix(words, INITVAL.wrapping_add((words.len() as u32) << 2).wrapping_add(seed))
}

fn mix(mut words: &[u32], start: u32) -> u32 {
    let (mut a, mut b, mut c) = (start, start, start);
    while let [x, y, z, rest @ ..] = words {
        if rest.is_empty() {
            break;
        }
        a = a.wrapping_add(*x);
        b = b.wrapping_add(*y);
        c = c.wrapping_add(*z);
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        words = rest;
    }
    match *words {
        [] => c,
        [x] => finish(a.wrapping_add(x), b, c),
        [x, y] => finish(a.wrapping_add(x), b.wrapping_add(y), c),
        [x, y, z, ..] => finish(a.wrapping_add(x), b.wrapping_add(y), c.wrapping_add(z)),
    }
}

/// `reciprocal_scale`: maps a hash onto `0..buckets`.
pub fn scale(hash: u32, buckets: u32) -> u32 {
    ((u64::from(hash) * u64::from(buckets)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_values_of_lookup3() {
        // hashword() of lookup3 starts from 0xdeadbeef + 4 * length + seed as well.
        assert_eq!(words(&[], 0), 0xdead_beef);
        assert_eq!(words(&[], 0xdead_beef), 0xbd5b_7dde);
        // hashlittle() of 30 bytes starts from their number instead, and fills the last word with zeros.
        let text = *b"Four score and seven years ago\0\0";
        let all: Vec<u32> = text.chunks(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
        assert_eq!(words(&all, 0u32.wrapping_sub(2)), 0x1777_0551);
        assert_eq!(words(&all, 1u32.wrapping_sub(2)), 0xcd62_8161);
        assert_eq!(bytes(b"Four score and seven years ago", 0), 0x1777_0551);
        assert_eq!(bytes(b"Four score and seven years ago", 1), 0xcd62_8161);
        assert_eq!(bytes(b"Four", 5), words(&[u32::from_ne_bytes(*b"Four")], 5));
    }
}
