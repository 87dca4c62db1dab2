//! Families of tables and their hooks.

use serde::Serialize;

use crate::uapi::netfilter::{NFPROTO_ARP, NFPROTO_BRIDGE, NFPROTO_IPV4, NFPROTO_IPV6};
use crate::uapi::x_tables::{NF_ARP_NUMHOOKS, NF_INET_NUMHOOKS};

/// What a table filters. Payloads of the same name differ between families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4: iptables.
    Ip,
    /// IPv6: ip6tables.
    Ip6,
    /// ARP: arptables.
    Arp,
    /// Bridges: ebtables, here only as the family of nft_compat payloads; its legacy tables are not read.
    Bridge,
}

impl Family {
    /// The family of an `NFPROTO_*`, if xtables has one for it.
    pub fn from_nfproto(proto: u8) -> Option<Self> {
        match proto {
            NFPROTO_IPV4 => Some(Self::Ip),
            NFPROTO_IPV6 => Some(Self::Ip6),
            NFPROTO_ARP => Some(Self::Arp),
            NFPROTO_BRIDGE => Some(Self::Bridge),
            _ => None,
        }
    }

    /// Its `NFPROTO_*`.
    pub fn nfproto(self) -> u8 {
        match self {
            Self::Ip => NFPROTO_IPV4,
            Self::Ip6 => NFPROTO_IPV6,
            Self::Arp => NFPROTO_ARP,
            Self::Bridge => NFPROTO_BRIDGE,
        }
    }

    /// The hooks of its tables in the kernel's order: the index is the hook's number.
    pub fn hooks(self) -> &'static [Hook] {
        const INET: [Hook; NF_INET_NUMHOOKS] =
            [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];
        const ARP: [Hook; NF_ARP_NUMHOOKS] = [Hook::Input, Hook::Output, Hook::Forward];
        match self {
            Self::Arp => &ARP,
            _ => &INET,
        }
    }
}

/// Where on a packet's way a built-in chain sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hook {
    /// Everything that arrived, before routing.
    Prerouting,
    /// To this host.
    Input,
    /// Through this host.
    Forward,
    /// From this host.
    Output,
    /// Everything that leaves, after routing.
    Postrouting,
}

impl Hook {
    /// The name of the built-in chain there.
    pub fn chain_name(self) -> &'static str {
        match self {
            Self::Prerouting => "PREROUTING",
            Self::Input => "INPUT",
            Self::Forward => "FORWARD",
            Self::Output => "OUTPUT",
            Self::Postrouting => "POSTROUTING",
        }
    }
}
