//! One rule of a table's blob.

use serde::Serialize;

use super::family::Family;
use super::payload::{RawMatches, RawTarget};
use super::selector::Selector;
use super::wire::{ArptEntry, Ip6tEntry, IptEntry, read};
use crate::error::Malformed;

/// Packets and bytes that an entry or policy has seen (`struct xt_counters`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[repr(C)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes of IP, without the link layer.
    pub bytes: u64,
}

/// `struct ipt_entry`, `ip6t_entry` or `arpt_entry`, with its matches and target still in the blob.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The built-in conditions.
    pub selector: Selector,
    /// A field that nothing uses any more; 0 for arp.
    pub nfcache: u32,
    /// The kernel's back pointer.
    pub comefrom: u32,
    /// What it has counted, summed over all CPUs.
    pub counters: Counters,
    /// The entry's bytes, elements included.
    bytes: &'a [u8],
    head: usize,
    target_offset: usize,
}

impl<'a> Entry<'a> {
    /// The entry at the front of `bytes`. Errors if its sizes contradict each other.
    pub fn parse(family: Family, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let short = |want| Malformed::Short { want, have: bytes.len() };
        let (selector, nfcache, comefrom, counters, head, target_offset, next_offset) = match family {
            Family::Ip => {
                let head = size_of::<IptEntry>();
                let e: IptEntry = read(bytes).ok_or(short(head))?;
                let counters = Counters { packets: e.pcnt, bytes: e.bcnt };
                (Selector::Ip((&e.ip).into()), e.nfcache, e.comefrom, counters, head, e.target_offset, e.next_offset)
            }
            Family::Ip6 => {
                let head = size_of::<Ip6tEntry>();
                let e: Ip6tEntry = read(bytes).ok_or(short(head))?;
                let counters = Counters { packets: e.pcnt, bytes: e.bcnt };
                (Selector::Ip6((&e.ipv6).into()), e.nfcache, e.comefrom, counters, head, e.target_offset, e.next_offset)
            }
            Family::Arp => {
                let head = size_of::<ArptEntry>();
                let e: ArptEntry = read(bytes).ok_or(short(head))?;
                let counters = Counters { packets: e.pcnt, bytes: e.bcnt };
                (Selector::Arp((&e.arp).into()), 0, e.comefrom, counters, head, e.target_offset, e.next_offset)
            }
            Family::Bridge => return Err(Malformed::Missing("a table format for bridges")),
        };
        let (target_offset, next_offset) = (usize::from(target_offset), usize::from(next_offset));
        let broken = |claimed| Malformed::Length { claimed, available: bytes.len() };
        let bytes = bytes.get(..next_offset).ok_or(broken(next_offset))?;
        if target_offset < head || next_offset <= target_offset {
            return Err(broken(target_offset));
        }
        Ok(Self { selector, nfcache, comefrom, counters, bytes, head, target_offset })
    }

    /// The bytes of its fixed part, whose end the counters are.
    pub(super) fn head_size(&self) -> usize {
        self.head
    }

    /// Its length in the blob, in bytes; never 0.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Its matches, in the order they are tried.
    pub fn matches(&self) -> RawMatches<'a> {
        RawMatches::new(self.bytes.get(self.head..self.target_offset).unwrap_or(&[]))
    }

    /// Its target.
    pub fn target(&self) -> Result<RawTarget<'a>, Malformed> {
        RawTarget::parse(self.bytes.get(self.target_offset..).unwrap_or(&[]))
    }

    /// Does it select every packet, without conditions or matches?
    pub fn is_unconditional(&self) -> bool {
        self.selector.is_any() && self.target_offset == self.head
    }
}
