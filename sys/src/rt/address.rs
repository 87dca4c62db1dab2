//! Addresses of interfaces (`RTM_GETADDR`, include/uapi/linux/if_addr.h).

use std::net::IpAddr;

use byteorder::NativeEndian;
use neli::consts::rtnl::{RtAddrFamily, RtScope, Rtm};
use neli::rtnl::{Ifaddrmsg, IfaddrmsgBuilder};
use neli::types::RtBuffer;
use serde::Serialize;

use super::Handle;
use super::prefix::{Prefix, ip};
use crate::Text;
use crate::error::{Malformed, Result};
use crate::netlink::Attrs;

/// `struct ifaddrmsg`.
const HEADER: usize = 8;

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Address {
    /// The interface's index.
    pub index: u32,
    /// The address and the length of its prefix.
    pub local: Prefix,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// The broadcast address.
    pub broadcast: Option<IpAddr>,
    /// `RT_SCOPE_*`.
    pub scope: u8,
    /// `IFA_F_*`.
    pub flags: u32,
    /// The label (IPv4).
    pub label: Option<Text>,
}

impl Address {
    /// `IFA_F_TENTATIVE`: duplicate address detection is still running, so the address is not in use yet.
    pub fn is_tentative(&self) -> bool {
        self.flags & libc::IFA_F_TENTATIVE != 0
    }

    /// Reads the payload of an `RTM_NEWADDR`. None: it holds no IP address.
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, Malformed> {
        let h = payload.first_chunk::<HEADER>().ok_or(Malformed::Short { want: HEADER, have: payload.len() })?;
        let (mut local, mut address, mut broadcast, mut label, mut flags) = (None, None, None, None, h[2].into());
        for attr in Attrs::new(&payload[HEADER..]) {
            let attr = attr?;
            match attr.kind() {
                libc::IFA_LOCAL => local = ip(attr.bytes()),
                libc::IFA_ADDRESS => address = ip(attr.bytes()),
                libc::IFA_BROADCAST => broadcast = ip(attr.bytes()),
                libc::IFA_LABEL => label = Some(attr.text()),
                libc::IFA_FLAGS => flags = attr.u32::<NativeEndian>()?,
                _ => {}
            }
        }
        // IPv6 has IFA_LOCAL only for a point-to-point address; IFA_ADDRESS is then the peer.
        Ok(local.or(address).map(|addr| Self {
            index: u32::from_ne_bytes([h[4], h[5], h[6], h[7]]),
            local: Prefix::new(addr, h[1]),
            peer: address.filter(|&a| a != addr),
            broadcast,
            scope: h[3],
            flags,
            label,
        }))
    }
}

impl Handle {
    /// All addresses.
    pub fn addresses(&mut self) -> Result<Vec<Address>> {
        self.dump(
            "list addresses",
            Rtm::Getaddr,
            || request(RtAddrFamily::Unspecified, 0, 0, RtBuffer::new()),
            Address::parse,
        )
    }
}

/// A `struct ifaddrmsg`.
pub(super) fn request(
    family: RtAddrFamily,
    len: u8,
    index: u32,
    attrs: RtBuffer<neli::consts::rtnl::Ifa, neli::types::Buffer>,
) -> Result<Ifaddrmsg> {
    IfaddrmsgBuilder::default()
        .ifa_family(family)
        .ifa_prefixlen(len)
        .ifa_scope(RtScope::Universe)
        .ifa_index(index)
        .rtattrs(attrs)
        .build()
        .map_err(|_| Malformed::Missing("a field of struct ifaddrmsg").of("build an address request"))
}
