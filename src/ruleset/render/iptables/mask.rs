//! Masks.

use std::fmt;
use std::net::IpAddr;

use super::Address;

/// A mask: a prefix length if it is one, else spelled out.
pub struct Mask(pub IpAddr);

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match prefix_length(self.0) {
            Some(length) => length.fmt(f),
            None => Address(self.0).fmt(f),
        }
    }
}

/// The length of the prefix that a mask is, if it is one.
pub fn prefix_length(mask: IpAddr) -> Option<u32> {
    let (ones, zeros, width) = match mask {
        IpAddr::V4(m) => (m.to_bits().leading_ones(), m.to_bits().trailing_zeros(), 32),
        IpAddr::V6(m) => (m.to_bits().leading_ones(), m.to_bits().trailing_zeros(), 128),
    };
    (ones + zeros == width).then_some(ones)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn only_contiguous_masks_have_a_length() {
        let v4 = |bits| prefix_length(Ipv4Addr::from_bits(bits).into());
        assert_eq!([v4(0), v4(0xffff_ff00), v4(u32::MAX), v4(0xff00_ff00)], [Some(0), Some(24), Some(32), None]);
        assert_eq!(prefix_length(Ipv6Addr::from_bits(u128::MAX << 64).into()), Some(64));
        assert_eq!(prefix_length(Ipv6Addr::from_bits(1).into()), None);
    }
}
