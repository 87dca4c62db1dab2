//! `-j CLUSTERIP` (include/uapi/linux/netfilter_ipv4/ipt_CLUSTERIP.h). Gone since Linux 6.3.

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::Family;
use crate::xt::wire::read;

/// One node's share of an address that several have (`struct ipt_clusterip_tgt_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ClusterIp {
    /// 1: this rule makes the cluster; the fields below count only then.
    pub flags: u32,
    /// The multicast hardware address of the cluster.
    pub mac: [u8; 6],
    /// Nodes in the cluster.
    pub total_nodes: u16,
    /// Nodes that this host is.
    pub local_node_count: u16,
    /// Their numbers, from 1.
    pub local_nodes: [u16; 16],
    #[serde(skip)]
    pad: [u8; 2],
    /// 0 source address, 1 and source port, 2 and destination port.
    pub hash_mode: u32,
    /// Seed of the hash.
    pub hash_init: u32,
}

impl ClusterIp {
    /// `CLUSTERIP_FLAG_NEW`
    pub const NEW: u32 = 1;

    pub(super) fn decode(family: Family, revision: u8, data: &[u8]) -> Option<Self> {
        ((family, revision) == (Family::Ip, 0)).then(|| read(data)).flatten()
    }
}
