//! Address prefixes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// An address with a prefix length, `192.0.2.1/24`. The host bits are kept: it may be the address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    /// The address.
    pub addr: IpAddr,
    /// The prefix length in bits, at most that of the address.
    pub len: u8,
}

impl Prefix {
    /// A prefix; a length beyond the address's is cut to it.
    pub fn new(addr: IpAddr, len: u8) -> Self {
        Self { addr, len: len.min(bits(addr)) }
    }

    /// One address.
    pub fn host(addr: IpAddr) -> Self {
        Self { addr, len: bits(addr) }
    }

    /// Is `addr` in it?
    pub fn contains(&self, addr: IpAddr) -> bool {
        match (self.addr, addr) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32, self.len),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128, self.len),
            _ => false,
        }
    }

    /// From the bytes of a netlink attribute, which has no byte at all for the default prefix.
    pub(crate) fn from_bytes(bytes: &[u8], family: u8, len: u8) -> Option<Self> {
        match bytes {
            [] if family == libc::AF_INET as u8 => Some(Self::new(Ipv4Addr::UNSPECIFIED.into(), len)),
            [] if family == libc::AF_INET6 as u8 => Some(Self::new(Ipv6Addr::UNSPECIFIED.into(), len)),
            _ => ip(bytes).map(|addr| Self::new(addr, len)),
        }
    }
}

/// The bits above a prefix length are the same.
fn same(a: u128, b: u128, width: u32, len: u8) -> bool {
    let host = width.saturating_sub(len.into());
    host >= width || (a ^ b) >> host == 0
}

/// The width of an address in bits.
pub(crate) fn bits(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

/// `AF_INET` or `AF_INET6`.
pub(crate) fn family(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { libc::AF_INET as u8 } else { libc::AF_INET6 as u8 }
}

/// An address of four or sixteen bytes in network order.
pub(crate) fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(b) = <[u8; 4]>::try_from(bytes) {
        Some(b.into())
    } else {
        <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
    }
}

/// The bytes of an address in network order.
pub(crate) fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Why a text is not a [`Prefix`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address, or an address and a prefix length such as 192.0.2.0/24")]
pub struct NotAPrefix;

impl FromStr for Prefix {
    type Err = NotAPrefix;

    /// `192.0.2.1/24`; without a length it is one address; `default` is not accepted, since it names no family.
    fn from_str(s: &str) -> Result<Self, NotAPrefix> {
        let (addr, len) = match s.split_once('/') {
            Some((addr, len)) => (addr, Some(len.parse::<u8>().map_err(|_| NotAPrefix)?)),
            None => (s, None),
        };
        let addr: IpAddr = addr.parse().map_err(|_| NotAPrefix)?;
        match len {
            Some(len) if len > bits(addr) => Err(NotAPrefix),
            Some(len) => Ok(Self { addr, len }),
            None => Ok(Self::host(addr)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_contain_what_they_should() -> Result<(), NotAPrefix> {
        let p: Prefix = "192.0.2.1/24".parse()?;
        assert!(p.contains([192, 0, 2, 255].into()) && !p.contains([192, 0, 3, 0].into()));
        let all: Prefix = "::/0".parse()?;
        assert!(all.contains("2001:db8::1".parse().map_err(|_| NotAPrefix)?) && !all.contains([1, 2, 3, 4].into()));
        assert_eq!("192.0.2.1".parse::<Prefix>()?.to_string(), "192.0.2.1/32");
        assert!("192.0.2.1/33".parse::<Prefix>().is_err() && "x/1".parse::<Prefix>().is_err());
        Ok(())
    }
}
