//! `-j SYNPROXY` (include/uapi/linux/netfilter/nf_synproxy.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Answers SYNs with cookies in the server's place (`struct nf_synproxy_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Synproxy {
    /// `XT_SYNPROXY_OPT_*`.
    pub options: u8,
    /// Window scale announced.
    pub wscale: u8,
    /// Maximum segment size announced, in bytes.
    pub mss: u16,
}

impl Synproxy {
    /// `XT_SYNPROXY_OPT_MSS`
    pub const MSS: u8 = 0x01;
    /// `XT_SYNPROXY_OPT_WSCALE`
    pub const WSCALE: u8 = 0x02;
    /// `XT_SYNPROXY_OPT_SACK_PERM`
    pub const SACK_PERM: u8 = 0x04;
    /// `XT_SYNPROXY_OPT_TIMESTAMP`
    pub const TIMESTAMP: u8 = 0x08;
    /// `XT_SYNPROXY_OPT_ECN`
    pub const ECN: u8 = 0x10;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
