//! Neighbours and their tables (`RTM_GETNEIGH`, `RTM_GETNEIGHTBL`, include/uapi/linux/neighbour.h).

use std::fmt;
use std::net::IpAddr;

use byteorder::NativeEndian;
use neli::consts::rtnl::{Ntf, Nud, RtAddrFamily, Rtm, Rtn};
use neli::rtnl::{Ndmsg, NdmsgBuilder, Rtgenmsg, RtgenmsgBuilder};
use neli::types::RtBuffer;
use serde::{Serialize, Serializer};

use super::Handle;
use super::link::attrs;
use super::prefix::{family, ip, octets};
use crate::Text;
use crate::error::{Malformed, Result};
use crate::netlink::{Attr, Attrs};
use crate::uapi::rtnetlink::*;

/// `struct ndmsg`.
pub(super) const HEADER: usize = 12;
/// `struct ndtmsg`.
const TABLE_HEADER: usize = 4;

bitflags::bitflags! {
    /// How well a neighbour is known (`NUD_*`); one bit at a time.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct NeighbourState: u16 {
        /// Asked for, no answer yet.
        const INCOMPLETE = libc::NUD_INCOMPLETE;
        /// Answered lately.
        const REACHABLE = libc::NUD_REACHABLE;
        /// Answered long ago; used until proven wrong.
        const STALE = libc::NUD_STALE;
        /// Used while stale; a probe follows.
        const DELAY = libc::NUD_DELAY;
        /// Being probed.
        const PROBE = libc::NUD_PROBE;
        /// Did not answer.
        const FAILED = libc::NUD_FAILED;
        /// Needs no resolution.
        const NOARP = libc::NUD_NOARP;
        /// Set by hand.
        const PERMANENT = libc::NUD_PERMANENT;
        const _ = !0;
    }
}

impl NeighbourState {
    /// Is there an address to send to?
    pub fn is_valid(self) -> bool {
        self.intersects(Self::REACHABLE | Self::STALE | Self::DELAY | Self::PROBE | Self::NOARP | Self::PERMANENT)
    }
}

impl fmt::Display for NeighbourState {
    /// The name that ip(8) uses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = self.iter_names();
        match (names.next(), names.next()) {
            (Some((name, flag)), None) if flag == *self => f.write_str(name),
            _ if self.is_empty() => f.write_str("NONE"),
            _ => write!(f, "unknown({:#x})", self.bits()),
        }
    }
}

impl Serialize for NeighbourState {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// The interface.
    pub index: u32,
    /// Its network layer address.
    pub addr: IpAddr,
    /// Its hardware address, once it is known.
    pub lladdr: Option<Vec<u8>>,
    /// How well it is known.
    pub state: NeighbourState,
    /// `NTF_*`.
    pub flags: u8,
    /// Probes sent without an answer.
    pub probes: u32,
}

impl Neighbour {
    /// Reads the payload of an `RTM_NEWNEIGH`. None: it has no IP address (a bridge's forwarding entry).
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, Malformed> {
        let h = payload.first_chunk::<HEADER>().ok_or(Malformed::Short { want: HEADER, have: payload.len() })?;
        let (mut addr, mut lladdr, mut probes) = (None, None, 0);
        for attr in Attrs::new(&payload[HEADER..]) {
            let attr = attr?;
            match attr.kind() {
                libc::NDA_DST => addr = ip(attr.bytes()),
                libc::NDA_LLADDR => lladdr = Some(attr.bytes().to_vec()),
                libc::NDA_PROBES => probes = attr.u32::<NativeEndian>()?,
                _ => {}
            }
        }
        Ok(addr.map(|addr| Self {
            index: u32::from_ne_bytes([h[4], h[5], h[6], h[7]]),
            addr,
            lladdr,
            state: NeighbourState::from_bits_retain(u16::from_ne_bytes([h[8], h[9]])),
            flags: h[10],
            probes,
        }))
    }
}

/// A neighbour table's size and troubles, over all namespaces (`NDTA_*`, `struct ndt_config`, `struct ndt_stats`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NeighbourTable {
    /// `arp_cache` or `ndisc_cache`.
    pub name: Text,
    /// `AF_*`.
    pub family: u8,
    /// Entries now.
    pub entries: u32,
    /// Entries below which nothing is collected. The three are only told in the first namespace.
    pub gc_thresh1: Option<u32>,
    /// Entries above which those older than five seconds are collected.
    pub gc_thresh2: Option<u32>,
    /// The most entries.
    pub gc_thresh3: Option<u32>,
    /// Resolutions that failed.
    pub resolution_failures: u64,
    /// New neighbours that found no room (`ndts_table_fulls`); None before Linux 4.3.
    pub table_fulls: Option<u64>,
}

impl NeighbourTable {
    /// Reads the payload of an `RTM_NEWNEIGHTBL`. None: it is about one interface's parameters.
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, Malformed> {
        let h = payload
            .first_chunk::<TABLE_HEADER>()
            .ok_or(Malformed::Short { want: TABLE_HEADER, have: payload.len() })?;
        let mut table = Self { family: h[0], ..Self::default() };
        let mut whole = false;
        for attr in Attrs::new(&payload[TABLE_HEADER..]) {
            let attr = attr?;
            match attr.kind() {
                NDTA_NAME => table.name = attr.text(),
                NDTA_THRESH1 => table.gc_thresh1 = Some(attr.u32::<NativeEndian>()?),
                NDTA_THRESH2 => table.gc_thresh2 = Some(attr.u32::<NativeEndian>()?),
                NDTA_THRESH3 => table.gc_thresh3 = Some(attr.u32::<NativeEndian>()?),
                NDTA_CONFIG => {
                    // ndtc_key_len and ndtc_entry_size are 16 bits each, ndtc_entries follows.
                    let entries = attr.bytes().get(4..8).and_then(|b| b.first_chunk::<4>());
                    table.entries = entries.map_or(0, |b| u32::from_ne_bytes(*b));
                    whole = true;
                }
                NDTA_STATS => {
                    table.resolution_failures = stat(&attr, 3).unwrap_or(0);
                    table.table_fulls = stat(&attr, 10);
                }
                _ => {}
            }
        }
        Ok(whole.then_some(table))
    }
}

/// The n-th counter of `struct ndt_stats`.
fn stat(attr: &Attr<'_>, n: usize) -> Option<u64> {
    attr.bytes().get(n * 8..)?.first_chunk::<8>().map(|b| u64::from_ne_bytes(*b))
}

impl Handle {
    /// All neighbours with an IP address.
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>> {
        let request = || neighbour_request(RtAddrFamily::Unspecified, 0, RtBuffer::new());
        self.dump("list neighbours", Rtm::Getneigh, request, Neighbour::parse)
    }

    /// One neighbour; None if the kernel has no entry. Kernels before 5.0 cannot be asked for one: all are listed there.
    pub fn neighbour(&mut self, index: u32, addr: IpAddr) -> Result<Option<Neighbour>> {
        let dst = attrs([(neli::consts::rtnl::Nda::Dst, octets(addr))])?;
        let request = neighbour_request(RtAddrFamily::from(family(addr)), index, dst)?;
        let mut found = None;
        let asked = self.get("find neighbour", &addr.to_string(), Rtm::Getneigh, request, |bytes| {
            found = Neighbour::parse(bytes)?;
            Ok(())
        });
        match asked.map_err(|e| (e.errno(), e)) {
            Ok(()) => Ok(found),
            Err((Some(libc::ENOENT), _)) => Ok(None),
            Err((Some(libc::EOPNOTSUPP), _)) => {
                Ok(self.neighbours()?.into_iter().find(|n| n.index == index && n.addr == addr))
            }
            Err((_, e)) => Err(e),
        }
    }

    /// The neighbour tables.
    pub fn neighbour_tables(&mut self) -> Result<Vec<NeighbourTable>> {
        self.dump("list neighbour tables", Rtm::Getneightbl, table_request, NeighbourTable::parse)
    }
}

pub(super) fn neighbour_request(
    family: RtAddrFamily,
    index: u32,
    attrs: RtBuffer<neli::consts::rtnl::Nda, neli::types::Buffer>,
) -> Result<Ndmsg> {
    NdmsgBuilder::default()
        .ndm_family(family)
        .ndm_index(index as i32)
        .ndm_state(Nud::empty())
        .ndm_flags(Ntf::empty())
        .ndm_type(Rtn::Unspec)
        .rtattrs(attrs)
        .build()
        .map_err(|_| Malformed::Missing("a field of struct ndmsg").of("build a neighbour request"))
}

/// `struct ndtmsg` is a family and three bytes of padding, as `struct rtgenmsg` is once it is padded.
fn table_request() -> Result<Rtgenmsg> {
    RtgenmsgBuilder::default()
        .rtgen_family(RtAddrFamily::Unspecified)
        .rtattrs(RtBuffer::new())
        .build()
        .map_err(|_| Malformed::Missing("a field of struct ndtmsg").of("list neighbour tables"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Builder;

    #[test]
    fn a_neighbour_and_a_table_are_read() -> Result<(), Malformed> {
        let mut b = Builder::new();
        b.raw(&[2, 0, 0, 0, 7, 0, 0, 0]).raw(&libc::NUD_FAILED.to_ne_bytes()).raw(&[0, 1]);
        b.attr(libc::NDA_DST, &[192, 0, 2, 9]).u32::<NativeEndian>(libc::NDA_PROBES, 3);
        let n = Neighbour::parse(&b.into_attrs())?.ok_or(Malformed::Missing("neighbour"))?;
        assert_eq!((n.index, n.probes, n.state.to_string().as_str()), (7, 3, "FAILED"));
        assert!(!n.state.is_valid());
        let mut b = Builder::new();
        b.raw(&[2, 0, 0, 0]).str(NDTA_NAME, "arp_cache").u32::<NativeEndian>(NDTA_THRESH3, 1024);
        b.attr(NDTA_CONFIG, &[4, 0, 0, 0, 9, 0, 0, 0]);
        let stats: Vec<u8> = (0..11u64).flat_map(u64::to_ne_bytes).collect();
        b.attr(NDTA_STATS, &stats);
        let t = NeighbourTable::parse(&b.into_attrs())?.ok_or(Malformed::Missing("table"))?;
        assert_eq!((t.entries, t.gc_thresh3, t.resolution_failures, t.table_fulls), (9, Some(1024), 3, Some(10)));
        Ok(())
    }
}
