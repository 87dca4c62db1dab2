//! Values inside ipset attributes.

use std::net::IpAddr;

use byteorder::BE;

use crate::error::Malformed;
use crate::netlink::Attr;
use crate::uapi::ip_set::{IPSET_ATTR_IPADDR_IPV4, IPSET_ATTR_IPADDR_IPV6};

/// A 16-bit number; ipset sends all but one of its numbers in network order.
pub(super) fn u16(a: &Attr<'_>) -> Result<u16, Malformed> {
    a.u16::<BE>()
}

/// A 32-bit number in network order.
pub(super) fn u32(a: &Attr<'_>) -> Result<u32, Malformed> {
    a.u32::<BE>()
}

/// A 64-bit number in network order.
pub(super) fn u64(a: &Attr<'_>) -> Result<u64, Malformed> {
    a.u64::<BE>()
}

/// An address: nested in an attribute that says the family.
pub(super) fn address(a: &Attr<'_>) -> Result<IpAddr, Malformed> {
    for inner in a.nested() {
        let inner = inner?;
        let bytes = inner.bytes();
        match inner.kind() {
            IPSET_ATTR_IPADDR_IPV4 => {
                return bytes
                    .first_chunk::<4>()
                    .map(|b| IpAddr::from(*b))
                    .ok_or(Malformed::Short { want: 4, have: bytes.len() });
            }
            IPSET_ATTR_IPADDR_IPV6 => {
                return bytes
                    .first_chunk::<16>()
                    .map(|b| IpAddr::from(*b))
                    .ok_or(Malformed::Short { want: 16, have: bytes.len() });
            }
            _ => {}
        }
    }
    Err(Malformed::Missing("IPSET_ATTR_IPADDR_IPV4"))
}
