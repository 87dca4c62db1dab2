//! Families and the hooks that base chains hang on.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::uapi::netfilter::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// The family of a table (`NFPROTO_*`).
    pub enum Family(u8) {
        /// Any, in requests only.
        Unspec = NFPROTO_UNSPEC => "unspec",
        /// IPv4.
        Ip = NFPROTO_IPV4 => "ip",
        /// IPv6.
        Ip6 = NFPROTO_IPV6 => "ip6",
        /// IPv4 and IPv6.
        Inet = NFPROTO_INET => "inet",
        /// ARP.
        Arp = NFPROTO_ARP => "arp",
        /// Frames that a bridge forwards.
        Bridge = NFPROTO_BRIDGE => "bridge",
        /// Everything that enters or leaves a device.
        Netdev = NFPROTO_NETDEV => "netdev",
    }
}

/// A place on a packet's way where base chains stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// On entry to a device, before routing and before `prerouting`.
    Ingress,
    /// Before routing.
    Prerouting,
    /// For this host.
    Input,
    /// Through this host.
    Forward,
    /// From this host.
    Output,
    /// After routing.
    Postrouting,
    /// On leaving a device.
    Egress,
    /// A number that this version does not know.
    Unknown(u32),
}

impl Hook {
    /// From a hook number, whose meaning depends on the family.
    pub fn from_kernel(family: Family, number: u32) -> Self {
        match (family, number) {
            (Family::Arp, 0) => Self::Input,
            (Family::Arp, 1) => Self::Output,
            (Family::Arp, 2) => Self::Forward,
            (Family::Netdev, 0) => Self::Ingress,
            (Family::Netdev, 1) => Self::Egress,
            (Family::Inet, 5) => Self::Ingress,
            (Family::Ip | Family::Ip6 | Family::Inet | Family::Bridge, _) => match number {
                0 => Self::Prerouting,
                1 => Self::Input,
                2 => Self::Forward,
                3 => Self::Output,
                4 => Self::Postrouting,
                _ => Self::Unknown(number),
            },
            _ => Self::Unknown(number),
        }
    }

    /// The hook number in that family; nothing where the family lacks the hook.
    pub fn number(self, family: Family) -> Option<u32> {
        if let Self::Unknown(n) = self {
            return Some(n);
        }
        (0..=5).find(|&n| Self::from_kernel(family, n) == self)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ingress => "ingress",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
            Self::Egress => "egress",
            Self::Unknown(n) => return write!(f, "unknown({n})"),
        })
    }
}

impl Serialize for Hook {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hook_numbers_depend_on_the_family() {
        assert_eq!(Hook::from_kernel(Family::Ip, 1), Hook::Input);
        assert_eq!(Hook::from_kernel(Family::Arp, 1), Hook::Output);
        assert_eq!(Hook::from_kernel(Family::Netdev, 1), Hook::Egress);
        assert_eq!(Hook::from_kernel(Family::Inet, 5), Hook::Ingress);
        assert_eq!(Hook::Ingress.number(Family::Ip), None);
        assert_eq!(Hook::from_kernel(Family::Bridge, 9).to_string(), "unknown(9)");
    }
}
