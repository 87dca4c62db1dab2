//! The drop monitor as a source: packets that the kernel dropped, whoever made it do so.
//!
//! It reports what *all* namespaces drop, without saying which, so that each packet is held against the devices of ours:
//! `places` says whether it can have been here.

mod places;
mod reader;

pub use places::Here;

use crate::blame::Time;
use crate::evaluate::headers::Network;
use crate::sys::dropmon::Alert;
use crate::sys::{Error, Text};

pub(super) use reader::{Opened, Reader};

/// What to say where there is no monitor.
pub const MISSING: &str =
    "this kernel has no drop monitor now, so that drops which no rule logs are not seen (modprobe drop_monitor)";

/// What to say where somebody runs it in a way that is of no use to us.
pub fn taken() -> Error {
    Error::os("start", "the drop monitor", std::io::Error::from_raw_os_error(nix::libc::EBUSY))
        .with_hint("another program runs it, and has it count instead of report packets: stop that one")
}

/// A packet that the kernel dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The kernel's name of the reason; none before Linux 5.17, or where it names none (`NOT_SPECIFIED`).
    pub reason: Option<Text>,
    /// Does this kernel name reasons at all? Then it has none for this place.
    pub names_reasons: bool,
    /// Where in the kernel: `nf_hook_slow+0xa5`, perhaps with ` [module]`.
    pub location: Text,
    /// The trap, where a device dropped it by itself.
    pub trap: Option<Text>,
    /// Index of the device it came in by.
    pub iif: Option<u32>,
    /// The network layer protocol.
    pub network: Network,
    /// The link layer header; empty if the device has none.
    pub link: Box<[u8]>,
    /// The outer VLAN tag, as TCI and protocol.
    pub vlan: Option<(u16, u16)>,
    /// From the network header on, possibly cut.
    pub payload: Box<[u8]>,
    /// The length that it had from the network header on.
    pub length: usize,
    /// When it was dropped, by the kernel's stamp.
    pub time: Option<Time>,
    /// When we read it.
    pub received: Time,
    /// Was it this namespace that dropped it?
    pub here: Here,
}

impl Dropped {
    /// Copies a packet out of the receive buffer. `hardware`: `ARPHRD_*` of its device, where that is known.
    pub fn new(a: &Alert<'_>, hardware: Option<u16>, here: Here, received: Time) -> Self {
        let frame = Frame::of(a, hardware);
        let at = frame.network_at.min(a.payload.len());
        let (link, payload) = a.payload.split_at(at);
        Self {
            names_reasons: a.reason.is_some(),
            reason: a.reason.filter(|r| *r != b"NOT_SPECIFIED").map(Text::new),
            location: Text::new(a.symbol),
            trap: a.hardware.map(|h| Text::new(h.trap)),
            iif: a.iif,
            network: frame.network,
            link: link.into(),
            vlan: frame.vlan,
            payload: payload.into(),
            length: a.length.saturating_sub(at),
            time: a.timestamp.map(|d| Time(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX))),
            received,
            here,
        }
    }

    /// When it was dropped: the kernel's stamp, else when we read it.
    pub fn when(&self) -> Time {
        self.time.unwrap_or(self.received)
    }

    /// The function that it was dropped in.
    pub fn function(&self) -> &str {
        let text = self.location.as_str().unwrap_or_default();
        let name = text.split(['+', ' ']).next().unwrap_or_default();
        // What the compiler cut out of a function is a part of it: `ip_rcv_finish_core.constprop.0`.
        name.split('.').next().unwrap_or_default()
    }
}

/// `ARPHRD_ETHER`.
const ETHERNET: u16 = 1;
/// `ARPHRD_LOOPBACK`, which has the header of Ethernet.
const LOOPBACK: u16 = 772;
const ETHERNET_HEADER: usize = 14;
const VLANS: [u16; 2] = [0x8100, 0x88a8];

/// Where the network header is.
struct Frame {
    network_at: usize,
    network: Network,
    vlan: Option<(u16, u16)>,
}

impl Frame {
    fn of(a: &Alert<'_>, hardware: Option<u16>) -> Self {
        let word = |at: usize| a.payload.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
        let ethertype = word(12);
        // On its way out, a packet may be at another kind of device than it came in by: the Ethertype tells.
        let agrees = ethertype == Some(a.protocol) || ethertype.is_some_and(|t| VLANS.contains(&t));
        let is_ethernet = agrees && hardware.is_none_or(|h| h == ETHERNET || h == LOOPBACK || !Self::is_ip(a, 0));
        let plain = Network::from_ethertype(a.protocol);
        if !is_ethernet && hardware != Some(ETHERNET) {
            return Self { network_at: 0, network: plain, vlan: None };
        }
        let (mut at, mut kind, mut vlan) = (ETHERNET_HEADER, ethertype.unwrap_or(a.protocol), None);
        while VLANS.contains(&kind) {
            let (Some(tci), Some(inner)) = (word(at), word(at + 2)) else { break };
            vlan = vlan.or(Some((tci, kind)));
            (at, kind) = (at + 4, inner);
        }
        // Below 0x600 it is a length: the kernel has its own number for what is in such a frame.
        let network = if kind < 0x600 { plain } else { Network::from_ethertype(kind) };
        Self { network_at: at, network, vlan }
    }

    /// Does an IP header of the packet's protocol begin there?
    fn is_ip(a: &Alert<'_>, at: usize) -> bool {
        let version = a.payload.get(at).map(|b| b >> 4);
        matches!((Network::from_ethertype(a.protocol), version), (Network::Ip4, Some(4)) | (Network::Ip6, Some(6)))
    }
}

#[cfg(test)]
mod tests;
