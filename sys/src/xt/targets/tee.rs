//! `-j TEE` (include/uapi/linux/netfilter/xt_TEE.h).

use std::net::{IpAddr, Ipv6Addr};

use serde::Serialize;

use crate::TextRef;
use crate::xt::Family;
use crate::xt::wire::read;

/// Sends a copy through a gateway (`struct xt_tee_tginfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tee<'a> {
    /// The gateway.
    pub gateway: IpAddr,
    /// The interface; empty for the route's.
    pub oif: TextRef<'a>,
}

impl<'a> Tee<'a> {
    pub(super) fn decode(family: Family, revision: u8, data: &'a [u8]) -> Option<Self> {
        if revision != 1 {
            return None;
        }
        let gateway = match family {
            Family::Ip => read::<[u8; 4]>(data)?.into(),
            Family::Ip6 => Ipv6Addr::from(read::<[u8; 16]>(data)?).into(),
            _ => return None,
        };
        Some(Self { gateway, oif: TextRef::from_c(data.get(16..32)?) })
    }
}
