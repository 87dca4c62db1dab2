//! The switches of an interface that routing reads, without the detour over `/proc/sys` (`RTM_GETNETCONF`,
//! include/uapi/linux/netconf.h).

use byteorder::NativeEndian;
use serde::Serialize;

use super::route::Router;
use crate::error::{Error, Malformed, Result};
use crate::netlink::{Attr, Attrs, Transport};
use crate::uapi::rtnetlink::*;

/// Whose switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `conf/all`.
    All,
    /// `conf/default`: what new interfaces begin with.
    Default,
    /// One interface, by its index.
    Interface(u32),
}

impl Scope {
    fn raw(self) -> i32 {
        match self {
            Self::All => NETCONFA_IFINDEX_ALL,
            Self::Default => NETCONFA_IFINDEX_DEFAULT,
            Self::Interface(index) => index as i32,
        }
    }
}

/// The switches as they are set there, not what they come to together with `all`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Netconf {
    /// `forwarding`.
    pub forwarding: Option<bool>,
    /// `rp_filter` (IPv4): 0 off, 1 strict, 2 loose.
    pub rp_filter: Option<u32>,
    /// `mc_forwarding`.
    pub mc_forwarding: Option<bool>,
    /// `bc_forwarding` (IPv4).
    pub bc_forwarding: Option<bool>,
    /// `proxy_arp` or `proxy_ndp`.
    pub proxy_neighbour: Option<bool>,
    /// `ignore_routes_with_linkdown`.
    pub ignore_linkdown: Option<bool>,
}

impl Netconf {
    /// Reads the payload of an `RTM_NEWNETCONF`.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        // `struct netconfmsg` is one byte, padded to four.
        let attrs = payload.get(4..).ok_or(Malformed::Short { want: 4, have: payload.len() })?;
        let mut conf = Self::default();
        for attr in Attrs::new(attrs) {
            let attr = attr?;
            let flag = |a: &Attr<'_>| a.u32::<NativeEndian>().map(|v| Some(v != 0));
            match attr.kind() {
                NETCONFA_FORWARDING => conf.forwarding = flag(&attr)?,
                NETCONFA_RP_FILTER => conf.rp_filter = Some(attr.u32::<NativeEndian>()?),
                NETCONFA_MC_FORWARDING => conf.mc_forwarding = flag(&attr)?,
                NETCONFA_BC_FORWARDING => conf.bc_forwarding = flag(&attr)?,
                NETCONFA_PROXY_NEIGH => conf.proxy_neighbour = flag(&attr)?,
                NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN => conf.ignore_linkdown = flag(&attr)?,
                _ => {}
            }
        }
        Ok(conf)
    }
}

impl<T: Transport> Router<T> {
    /// The switches of an interface for `AF_INET` or `AF_INET6`. (neli knows no `struct netconfmsg`, hence here.)
    ///
    /// # Errors
    /// `ENODEV` or `EINVAL` if there is no such interface, or that family is off on it.
    pub fn netconf(&mut self, family: u8, scope: Scope) -> Result<Netconf> {
        const OP: &str = "read the switches of interface";
        let object = scope.raw().to_string();
        let mut found = None;
        self.client().get(
            OP,
            &object,
            |b, flags, seq| {
                b.message(libc::RTM_GETNETCONF, flags, seq).raw(&[family, 0, 0, 0]);
                b.attr(NETCONFA_IFINDEX, &scope.raw().to_ne_bytes());
            },
            |m| {
                found = Some(Netconf::parse(m.payload)?);
                Ok(())
            },
        )?;
        found.ok_or_else(|| Error::os(OP, object, std::io::Error::from_raw_os_error(libc::ENODATA)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::fake::Fake;
    use crate::netlink::{Builder, Client};

    #[test]
    fn the_switches_are_read() -> Result<()> {
        let mut b = Builder::new();
        b.message(libc::RTM_NEWNETCONF, 0, 0).raw(&[2, 0, 0, 0]);
        b.u32::<NativeEndian>(NETCONFA_FORWARDING, 1).u32::<NativeEndian>(NETCONFA_RP_FILTER, 2);
        let mut router = Router::new(Client::new(Fake::new().reply(b.finish()).ack(0)));
        let conf = router.netconf(2, Scope::All)?;
        assert_eq!((conf.forwarding, conf.rp_filter, conf.bc_forwarding), (Some(true), Some(2), None));
        Ok(())
    }
}
