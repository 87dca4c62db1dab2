//! `-m cluster` (include/uapi/linux/netfilter/xt_cluster.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// The node of a cluster that a connection belongs to (`struct xt_cluster_match_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Cluster {
    /// How many nodes there are.
    pub total: u32,
    /// Bit n: node n (from 0) is meant.
    pub nodes: u32,
    /// Seed of the hash over the source.
    pub seed: u32,
    /// `XT_CLUSTER_F_*`.
    pub flags: u32,
}

impl Cluster {
    /// `XT_CLUSTER_F_INV`
    pub const INVERT: u32 = 1;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
