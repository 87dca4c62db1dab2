//! Stateless prefix translation: SNPT, DNPT.

use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::fact::Fact;
use crate::sys::xt::targets::Npt;

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn sum(words: &[u8; 16]) -> u16 {
    fold(words.as_chunks::<2>().0.iter().map(|w| u32::from(u16::from_be_bytes(*w))).sum())
}

/// Replaces the prefix and balances the checksum in a word behind it (`ip6t_npt_map_pfx`). None: no word can.
fn mapped(t: &Npt, address: [u8; 16]) -> Option<[u8; 16]> {
    let (from, to) = (t.source.octets(), t.destination.octets());
    // The difference of the prefixes: what the rest has to make up for.
    let adjustment = fold(u32::from(sum(&from)) + u32::from(!sum(&to)));
    let length = u32::from(t.source_length.max(t.destination_length)).min(128);
    let keep = u128::MAX.checked_shr(length).unwrap_or(0);
    let bits = u128::from_be_bytes(address) & keep | u128::from_be_bytes(to) & !keep;
    let mut new = bits.to_be_bytes();
    let words = new.as_chunks_mut::<2>().0;
    let at = if length <= 48 { 3 } else { (4..8).find(|&i| words.get(i).is_some_and(|w| *w != [0xff, 0xff]))? };
    let word = words.get_mut(at)?;
    let balanced = fold(u32::from(u16::from_be_bytes(*word)) + u32::from(adjustment));
    *word = if balanced == 0xffff { [0, 0] } else { balanced.to_be_bytes() };
    Some(new)
}

pub(super) fn run(cx: &mut Context, t: &Npt, source: bool) -> Decision {
    let at = if source { 8 } else { 24 };
    let Fact::Is(old) = cx.packet.array::<16>(at) else { return Decision::Next };
    match mapped(t, old) {
        Some(new) => {
            // The translation keeps every checksum as it is.
            cx.packet.write(at, &new);
            Decision::Next
        }
        None => Decision::Drop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_an_address_survives_translation() {
        let t = Npt {
            source: "fd00:1:2::".parse().unwrap_or(std::net::Ipv6Addr::UNSPECIFIED),
            source_length: 48,
            destination: "2001:db8:aa::".parse().unwrap_or(std::net::Ipv6Addr::UNSPECIFIED),
            destination_length: 48,
        };
        let old = std::net::Ipv6Addr::new(0xfd00, 1, 2, 3, 4, 5, 6, 7).octets();
        let new = mapped(&t, old).unwrap_or_default();
        assert_eq!(new[..6], [0x20, 0x01, 0x0d, 0xb8, 0, 0xaa]);
        assert_eq!(new[8..], old[8..]);
        assert_eq!(sum(&new), sum(&old));
    }
}
