//! Addresses as the C library writes them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An address as `inet_ntop(3)` of glibc writes it: as Rust does, but for IPv6 addresses with an IPv4 address inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub IpAddr);

impl From<Ipv6Addr> for Address {
    fn from(a: Ipv6Addr) -> Self {
        Self(a.into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // `::1.2.3.4`, deprecated by RFC 4291: Rust writes `::102:304`. With 16 more zero bits it is a number to both.
            IpAddr::V6(a) if a.segments().starts_with(&[0; 6]) && a.segments()[6] != 0 => {
                write!(f, "::{}", std::net::Ipv4Addr::from_bits(a.to_bits() as u32))
            }
            a => a.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_look_as_glibc_writes_them() {
        for same in ["::", "::1", "::ffff:1.2.3.4", "2001:db8::1", "1:0:2::", "::1.2.3.4", "1::1:0:0:1", "10.0.0.1"] {
            assert_eq!(same.parse().map(|a| Address(a).to_string()), Ok(same.to_owned()), "{same}");
        }
        let short = "::0.0.1.2".parse::<Ipv6Addr>().map(|a| Address::from(a).to_string());
        assert_eq!(short, Ok("::102".to_owned()));
    }
}
