//! `-j REJECT` (include/uapi/linux/netfilter_ipv4/ipt_REJECT.h, netfilter_ipv6/ip6t_REJECT.h).

use serde::Serialize;

use crate::xt::Family;
use crate::xt::wire::read;

/// The answer that a rejected packet gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "family", content = "with", rename_all = "lowercase")]
pub enum Reject {
    /// `enum ipt_reject_with`: 0 net-unreachable, 1 host-unreachable, 2 proto-unreachable, 3 port-unreachable,
    /// 4 echo reply (nothing), 5 net-prohibited, 6 host-prohibited, 7 TCP reset, 8 admin-prohibited.
    Ip(u32),
    /// `enum ip6t_reject_with`: 0 no-route, 1 admin-prohibited, 2 not a neighbour, 3 address unreachable, 4 port
    /// unreachable, 5 echo reply (nothing), 6 TCP reset, 7 policy-fail, 8 reject-route.
    Ip6(u32),
}

impl Reject {
    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        match (family, revision) {
            (Family::Ip, 0) => read(data).map(Self::Ip),
            (Family::Ip6, 0) => read(data).map(Self::Ip6),
            _ => None,
        }
    }

    /// The payload of revision 0.
    pub fn to_bytes(&self) -> [u8; 4] {
        match self {
            Self::Ip(with) | Self::Ip6(with) => with.to_ne_bytes(),
        }
    }
}
