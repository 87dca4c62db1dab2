//! The netfilter hooks that a packet can pass.

use serde::Serialize;

/// A hook. For bridge and ARP packets the names mean the hooks of that family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hook {
    /// As the device hands it up (`NF_NETDEV_INGRESS`, `NF_INET_INGRESS`).
    Ingress,
    /// Before the routing decision.
    Prerouting,
    /// To this host.
    Input,
    /// Through this host.
    Forward,
    /// From this host.
    Output,
    /// About to leave.
    Postrouting,
    /// As the device sends it (`NF_NETDEV_EGRESS`).
    Egress,
}

impl Hook {
    /// The name in nft and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
            Self::Egress => "egress",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Ingress, Self::Prerouting, Self::Input, Self::Forward, Self::Output, Self::Postrouting, Self::Egress]
            .into_iter()
            .find(|h| h.name() == name)
    }

    /// From the number that a family's headers give it (`NF_INET_*`, `NF_ARP_*`, `NF_NETDEV_*`; bridges count as inet).
    pub fn from_number(family: u8, number: u32) -> Option<Self> {
        use crate::sys::uapi::netfilter::{NFPROTO_ARP, NFPROTO_NETDEV};
        Some(match (family, number) {
            (NFPROTO_NETDEV, 0) => Self::Ingress,
            (NFPROTO_NETDEV, 1) => Self::Egress,
            (NFPROTO_ARP, 0) => Self::Input,
            (NFPROTO_ARP, 1) => Self::Output,
            (NFPROTO_ARP, 2) => Self::Forward,
            (NFPROTO_NETDEV | NFPROTO_ARP, _) => return None,
            (_, 0) => Self::Prerouting,
            (_, 1) => Self::Input,
            (_, 2) => Self::Forward,
            (_, 3) => Self::Output,
            (_, 4) => Self::Postrouting,
            (_, 5) => Self::Ingress,
            _ => return None,
        })
    }

    /// The name of the built-in chain that xtables has at this hook.
    pub fn builtin_chain(self) -> Option<&'static str> {
        Some(match self {
            Self::Prerouting => "PREROUTING",
            Self::Input => "INPUT",
            Self::Forward => "FORWARD",
            Self::Output => "OUTPUT",
            Self::Postrouting => "POSTROUTING",
            Self::Ingress | Self::Egress => return None,
        })
    }
}

impl From<crate::sys::xt::Hook> for Hook {
    fn from(hook: crate::sys::xt::Hook) -> Self {
        use crate::sys::xt::Hook as H;
        match hook {
            H::Prerouting => Self::Prerouting,
            H::Input => Self::Input,
            H::Forward => Self::Forward,
            H::Output => Self::Output,
            H::Postrouting => Self::Postrouting,
        }
    }
}
