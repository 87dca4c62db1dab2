//! `-m multiport` (include/uapi/linux/netfilter/xt_multiport.h).

use serde::{Serialize, Serializer};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// A list of ports (`struct xt_multiport_v1` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Multiport {
    /// `XT_MULTIPORT_*`: whose ports.
    pub side: u8,
    /// The ports.
    pub ports: Ports,
    /// The condition is inverted.
    pub invert: bool,
}

/// Ports and ranges of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    ports: [u16; MOST],
    /// Not 0: a range to the port behind it.
    ranges: [u8; MOST],
    count: u8,
}

const MOST: usize = 15;

impl Ports {
    /// Each as a range, both ends included.
    pub fn ranges(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        let listed = self.ports.get(..self.count.into()).unwrap_or(&self.ports);
        let mut at = 0;
        std::iter::from_fn(move || {
            let low = *listed.get(at)?;
            let is_range = self.ranges.get(at).is_some_and(|&r| r != 0);
            // The kernel refuses a range at the end of the list.
            let high = if is_range { listed.get(at + 1).copied() } else { None };
            at += 1 + usize::from(high.is_some());
            Some((low, high.unwrap_or(low)))
        })
    }
}

impl Serialize for Ports {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.ranges())
    }
}

impl Multiport {
    /// `XT_MULTIPORT_SOURCE`
    pub const SOURCE: u8 = 0;
    /// `XT_MULTIPORT_DESTINATION`
    pub const DESTINATION: u8 = 1;
    /// `XT_MULTIPORT_EITHER`
    pub const EITHER: u8 = 2;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct V0 {
            flags: u8,
            count: u8,
            ports: [u16; MOST],
        }
        #[derive(FromBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct V1 {
            v0: V0,
            pflags: [u8; MOST],
            invert: u8,
        }
        let V1 { v0, pflags, invert } = match revision {
            0 => V1 { v0: read(data)?, pflags: [0; MOST], invert: 0 },
            1 => read(data)?,
            _ => return None,
        };
        let ports = Ports { ports: v0.ports, ranges: pflags, count: v0.count };
        Some(Self { side: v0.flags, ports, invert: invert != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_lists_of_ports_end_where_they_end() {
        let mut ports = Ports { ports: [7; MOST], ranges: [1; MOST], count: 3 };
        assert_eq!(ports.ranges().collect::<Vec<_>>(), [(7, 7), (7, 7)]);
        ports.count = 200;
        assert_eq!(ports.ranges().count(), 8);
    }
}
