//! Addresses and masks as the tools print them, which is how the C library does.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as `inet_ntop` writes it: unlike Rust's, `::1.2.3.4` for an IPv4-compatible one.
pub struct Address(pub IpAddr);

impl Address {
    /// An IPv4 address.
    pub fn v4(address: Ipv4Addr) -> Self {
        Self(address.into())
    }

    /// An IPv6 address.
    pub fn v6(address: Ipv6Addr) -> Self {
        Self(address.into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V6(v6) => match v6.segments() {
                [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
                    write!(f, "::{}", Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
                }
                _ => v6.fmt(f),
            },
            IpAddr::V4(v4) => v4.fmt(f),
        }
    }
}

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
    use super::*;

    #[test]
    fn addresses_look_as_the_c_library_writes_them() {
        let v6 = |s: &str| Address(IpAddr::V6(s.parse().unwrap_or(Ipv6Addr::UNSPECIFIED))).to_string();
        assert_eq!(v6("::"), "::");
        assert_eq!(v6("::1"), "::1");
        assert_eq!(v6("::102:304"), "::1.2.3.4");
        assert_eq!(v6("::ffff:1.2.3.4"), "::ffff:1.2.3.4");
        assert_eq!(v6("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
        assert_eq!(v6("1:0:2:3:4:5:6:7"), "1:0:2:3:4:5:6:7");
    }

    #[test]
    fn only_contiguous_masks_have_a_length() {
        let v4 = |bits| prefix_length(Ipv4Addr::from_bits(bits).into());
        assert_eq!([v4(0), v4(0xffff_ff00), v4(u32::MAX), v4(0xff00_ff00)], [Some(0), Some(24), Some(32), None]);
        assert_eq!(prefix_length(Ipv6Addr::from_bits(u128::MAX << 64).into()), Some(64));
        assert_eq!(prefix_length(Ipv6Addr::from_bits(1).into()), None);
    }
}
