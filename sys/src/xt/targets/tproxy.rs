//! `-j TPROXY` (include/uapi/linux/netfilter/xt_TPROXY.h).

use std::net::{IpAddr, Ipv6Addr};

use serde::Serialize;

use crate::xt::Family;
use crate::xt::wire::read;

/// Hands the packet to a local socket without changing it (`struct xt_tproxy_target_info_v1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tproxy {
    /// The bits of the mark that are cleared.
    pub mark_mask: u32,
    /// The value xored in.
    pub mark_value: u32,
    /// The socket's address; unspecified for the interface's.
    pub address: IpAddr,
    /// The socket's port, host order; 0 for the packet's.
    pub port: u16,
}

impl Tproxy {
    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        let [mark_mask, mark_value] = read(data)?;
        let rest = data.get(8..)?;
        let (address, port_at) = match (family, revision) {
            (Family::Ip, 0) => (read::<[u8; 4]>(rest)?.into(), 4),
            (Family::Ip, 1) => (read::<[u8; 4]>(rest)?.into(), 16),
            (Family::Ip6, 1) => (Ipv6Addr::from(read::<[u8; 16]>(rest)?).into(), 16),
            _ => return None,
        };
        let port = u16::from_be_bytes(read(rest.get(port_at..)?)?);
        Some(Self { mark_mask, mark_value, address, port })
    }
}
