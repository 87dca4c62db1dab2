//! `-m osf` (include/uapi/linux/netfilter/nfnetlink_osf.h).

use serde::Serialize;

use crate::TextRef;
use crate::xt::wire::read;

/// The operating system that a SYN looks like (`struct nf_osf_info`); the fingerprints stay in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Osf<'a> {
    /// Its name.
    pub genre: TextRef<'a>,
    /// `NF_OSF_*`.
    pub flags: u32,
    /// Which packets are logged: 0 all, 1 the first, 2 the known.
    pub log: u32,
    /// How the TTL is compared: 0 as it is, 1 less, 2 not at all.
    pub ttl: u32,
}

impl<'a> Osf<'a> {
    /// `NF_OSF_TTL`: there is a comparison of the TTL.
    pub const TTL: u32 = 1 << 1;
    /// `NF_OSF_LOG`: packets are logged.
    pub const LOG: u32 = 1 << 2;
    /// `NF_OSF_INVERT`
    pub const INVERT: u32 = 1 << 3;

    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        const GENRE: usize = 32;
        if revision != 0 {
            return None;
        }
        let [_, flags, log, ttl]: [u32; 4] = read(data.get(GENRE..)?)?;
        Some(Self { genre: TextRef::from_c(data.get(..GENRE)?), flags, log, ttl })
    }
}
