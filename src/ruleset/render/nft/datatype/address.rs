//! IPv6 addresses as glibc writes them.

use std::net::Ipv4Addr;

use crate::ruleset::render::out::{Out, put};

/// Writes an address as `inet_ntop` of glibc does. It differs from the standard library's in the obsolete
/// IPv4-compatible addresses: `::1.2.3.4`.
pub(super) fn ipv6(bits: u128, out: &mut Out) {
    let words: [u16; 8] = std::array::from_fn(|i| (bits >> (112 - 16 * i)) as u16);
    let run = longest_zero_run(&words);
    let dotted = match run {
        Some((0, 6)) => true,
        Some((0, 5)) => words[5] == 0xffff,
        _ => false,
    };
    let mut i = 0;
    while i < words.len() {
        if let Some((start, len)) = run
            && i == start
        {
            out.str("::");
            i += len;
            continue;
        }
        if i != 0 && run.is_none_or(|(start, len)| start + len != i) {
            out.str(":");
        }
        if i == 6 && dotted {
            put!(out, "{}", Ipv4Addr::from_bits(bits as u32));
            return;
        }
        put!(out, "{:x}", words[i]);
        i += 1;
    }
}

/// Start and length of the longest run of two or more zero words, the first of equal ones.
fn longest_zero_run(words: &[u16; 8]) -> Option<(usize, usize)> {
    let mut best = None::<(usize, usize)>;
    let mut start = None;
    for (i, word) in words.iter().copied().chain([1]).enumerate() {
        match (word, start) {
            (0, None) => start = Some(i),
            (0, Some(_)) => {}
            (_, Some(from)) => {
                if i - from >= 2 && best.is_none_or(|(_, len)| i - from > len) {
                    best = Some((from, i - from));
                }
                start = None;
            }
            _ => {}
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shortened_as_glibc_shortens_them() {
        for address in
            ["::", "::1", "1::", "fe80::1:0:0:2", "1:0:2:3:4:5:6:7", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "::1.2.3.4"]
        {
            let mut out = Out::new();
            let bits = address.parse::<std::net::Ipv6Addr>().map(|a| a.to_bits()).unwrap_or_default();
            ipv6(bits, &mut out);
            assert_eq!(out.as_bytes(), address.as_bytes());
        }
    }
}
