//! `-m hashlimit` (include/uapi/linux/netfilter/xt_hashlimit.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::TextRef;
use crate::xt::wire::read;

/// A token bucket for each address or port (`struct xt_hashlimit_mtinfo3` and older); their state stays in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Hashlimit<'a> {
    /// The name of the table, under `/proc/net/ipt_hashlimit`.
    pub name: TextRef<'a>,
    /// `PER_*`, `INVERT` and so on.
    pub mode: u32,
    /// Time between two packets in units of `scale`, or the cost of 16 bytes.
    pub average: u64,
    /// How many packets may come at once; with `BYTES` how many averages, 0 for no burst.
    pub burst: u64,
    /// Buckets of the table; 0 lets the kernel choose.
    pub size: u32,
    /// The most entries; 0 lets the kernel choose.
    pub max: u32,
    /// Milliseconds between two collections of expired entries.
    pub gc_interval: u32,
    /// Milliseconds after which an idle entry expires.
    pub expire: u32,
    /// With `RATE_MATCH`: seconds over which the rate is measured. Revision 3.
    pub interval: Option<u32>,
    /// Prefix length of sources that share an entry.
    pub source_prefix: u8,
    /// Prefix length of destinations that share an entry.
    pub destination_prefix: u8,
    /// Units of `average` in a second: 10 000 in revision 1 (`XT_HASHLIMIT_SCALE`), else 1 000 000.
    pub scale: u64,
}

impl<'a> Hashlimit<'a> {
    /// `XT_HASHLIMIT_HASH_DIP`
    pub const PER_DESTINATION: u32 = 1 << 0;
    /// `XT_HASHLIMIT_HASH_DPT`
    pub const PER_DESTINATION_PORT: u32 = 1 << 1;
    /// `XT_HASHLIMIT_HASH_SIP`
    pub const PER_SOURCE: u32 = 1 << 2;
    /// `XT_HASHLIMIT_HASH_SPT`
    pub const PER_SOURCE_PORT: u32 = 1 << 3;
    /// `XT_HASHLIMIT_INVERT`: above the rate.
    pub const INVERT: u32 = 1 << 4;
    /// `XT_HASHLIMIT_BYTES`: bytes are counted, not packets.
    pub const BYTES: u32 = 1 << 5;
    /// `XT_HASHLIMIT_RATE_MATCH`: everything matches while the rate is above the limit.
    pub const RATE_MATCH: u32 = 1 << 6;

    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        /// `struct hashlimit_cfg1` without its prefix lengths.
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Old {
            mode: u32,
            avg: u32,
            burst: u32,
            rest: Rest,
        }
        /// `struct hashlimit_cfg2` and `struct hashlimit_cfg3` up to where they differ.
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct New {
            avg: u64,
            burst: u64,
            mode: u32,
            rest: Rest,
        }
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Rest {
            size: u32,
            max: u32,
            gc_interval: u32,
            expire: u32,
        }
        const NAME: usize = 16;
        const NAME_NEW: usize = 255;
        const CONFIG_NEW: usize = 256;
        let (name, mode, average, burst, rest, at, scale) = match revision {
            1 => {
                let Old { mode, avg, burst, rest } = read(data.get(NAME..)?)?;
                (data.get(..NAME)?, mode, avg.into(), burst.into(), rest, NAME + 28, 10_000)
            }
            2 | 3 => {
                let New { avg, burst, mode, rest } = read(data.get(CONFIG_NEW..)?)?;
                (data.get(..NAME_NEW)?, mode, avg, burst, rest, CONFIG_NEW + 36, 1_000_000)
            }
            _ => return None,
        };
        let interval = (revision == 3).then(|| read(data.get(at..)?)).flatten();
        let at = at + if revision == 3 { 4 } else { 0 };
        let [source_prefix, destination_prefix]: [u8; 2] = read(data.get(at..)?)?;
        Some(Self {
            name: TextRef::from_c(name),
            mode,
            average,
            burst,
            size: rest.size,
            max: rest.max,
            gc_interval: rest.gc_interval,
            expire: rest.expire,
            interval,
            source_prefix,
            destination_prefix,
            scale,
        })
    }
}
