//! Address translation: what a NAT rule makes of the first packet of a connection (`nf_nat_setup_info`), and how any
//! packet is rewritten (`nf_nat_manip_pkt`).

mod choose;
mod follow;
mod rewrite;
mod setup;

use std::net::IpAddr;

use super::fact::Fact;
use super::headers::Network;
use super::hook::Hook;
use super::packet::{CtState, Packet};
use crate::blame::CulpritKind;
use crate::sys::ct::{L4, Tuple};

pub use follow::{follow, follow_error, is_about_another, is_settled, redirects_translated};
pub use rewrite::{end_of, rewrite, rewrite_to, untranslatable};
pub use setup::{keep, masquerade, redirect, setup};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const DCCP: u8 = 33;
const GRE: u8 = 47;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const UDPLITE: u8 = 136;

/// What an unknown port or address is called.
const CHOSEN: &str = "the port or address that NAT chose";

/// Which end of a connection is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manip {
    /// Source NAT.
    Source,
    /// Destination NAT.
    Destination,
}

impl Manip {
    /// Which end is rewritten at a hook (`HOOK2MANIP`).
    pub fn at(hook: Hook) -> Self {
        match hook {
            Hook::Postrouting | Hook::Input => Self::Source,
            _ => Self::Destination,
        }
    }
}

/// Where a NAT rule maps to (`struct nf_nat_range2`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Range {
    /// First and last address; absent where the address stays. Unknown where it cannot be told.
    pub addresses: Fact<(IpAddr, IpAddr)>,
    /// First and last port, or ICMP id.
    pub ports: Option<(u16, u16)>,
    /// The port is chosen at random (`NF_NAT_RANGE_PROTO_RANDOM_ALL`).
    pub random: bool,
    /// A client keeps its address (`NF_NAT_RANGE_PERSISTENT`).
    pub persistent: bool,
    /// Ports are shifted: this one becomes the first (`NF_NAT_RANGE_PROTO_OFFSET`).
    pub base: Option<u16>,
}

impl Range {
    /// One address; the port stays if it can.
    pub fn to(address: IpAddr) -> Self {
        Self { addresses: Fact::Is((address, address)), ..Self::default() }
    }
}

/// The tuple of a packet as its bytes stand (`nf_ct_get_tuple`). None for later fragments, cut packets and unknown bytes.
pub fn tuple_of(packet: &Packet) -> Option<Tuple> {
    let (src, dst) = packet.addresses()?;
    let (protocol, at) = transport(packet)?;
    let l4 = match protocol {
        TCP | UDP | UDPLITE | SCTP | DCCP => {
            let [a, b, c, d] = packet.array(at).known()?;
            L4::Ports { src: u16::from_be_bytes([a, b]), dst: u16::from_be_bytes([c, d]) }
        }
        ICMP | ICMPV6 => {
            let [kind, code, _, _, a, b, _, _] = packet.array(at).known()?;
            L4::Icmp { kind, code, id: u16::from_be_bytes([a, b]) }
        }
        // Without the keys of PPTP both are 0 (`gre_pkt_to_tuple`).
        GRE => L4::Ports { src: 0, dst: 0 },
        _ => L4::None,
    };
    Some(Tuple { src: address(src)?, dst: address(dst)?, protocol, l4, zone: None })
}

/// A new connection gets no entry, since its answers would be taken for those of another one.
pub const CLASHED: &str = "insert clashed";
/// The same, its source having been translated: the kernel found no other port to leave from (`nf_nat_l4proto_unique_tuple`).
pub const NO_PORT: &str = "no port left";

/// Where it goes is not known, and few ports are left to choose from: others may have them all.
pub const SCARCE: &str = "whether a port is left to translate its source to";

/// What stops a new connection whose answers look like those of another one.
pub fn clash(original: &Tuple, answers: &Tuple) -> (CulpritKind, &'static str) {
    let translated = original.src != answers.dst || original.src_port() != answers.dst_port();
    if translated { (CulpritKind::Nat, NO_PORT) } else { (CulpritKind::Conntrack, CLASHED) }
}

/// Is there no connection that the packet could be counted as (`nf_conncount_add_skb`)? It dies of being counted, then.
pub fn is_uncountable(packet: &Packet) -> bool {
    let without = matches!(packet.ct.state, Fact::Absent | Fact::Is(CtState::Invalid | CtState::Untracked));
    without && packet.bytes.len() >= packet.length && packet.blurred.is_empty() && tuple_of(packet).is_none()
}

/// Does this ICMP message carry an id that NAT rewrites?
fn has_id(protocol: u8, kind: u8) -> bool {
    match protocol {
        ICMP => matches!(kind, 0 | 8 | 13..=18),
        ICMPV6 => matches!(kind, 128 | 129),
        _ => false,
    }
}

/// An address of 4 or 16 bytes.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

fn octets(address: IpAddr) -> ([u8; 16], usize) {
    let mut all = [0; 16];
    match address {
        IpAddr::V4(a) => {
            let o = a.octets();
            all[..4].copy_from_slice(&o);
            (all, 4)
        }
        IpAddr::V6(a) => (a.octets(), 16),
    }
}

/// The transport protocol and where its header is, in a packet that has one (`get_l4proto`).
pub fn transport(packet: &Packet) -> Option<(u8, usize)> {
    match packet.network {
        Network::Ip4 => {
            let h = packet.headers();
            h.transport.filter(|_| h.first_fragment()).zip(h.protocol).map(|(at, p)| (p, at))
        }
        Network::Ip6 => super::ip6::skip_extensions(packet).filter(|f| f.fragment == 0).map(|f| (f.protocol, f.offset)),
        _ => None,
    }
}

/// Sets one end of a tuple; ICMP has one id for both.
fn set(tuple: &mut Tuple, manip: Manip, to: Option<IpAddr>, new: Option<u16>) {
    let address = match manip {
        Manip::Source => &mut tuple.src,
        Manip::Destination => &mut tuple.dst,
    };
    *address = to.unwrap_or(*address);
    match (&mut tuple.l4, manip, new) {
        (L4::Ports { src: port, .. }, Manip::Source, Some(new))
        | (L4::Ports { dst: port, .. }, Manip::Destination, Some(new))
        | (L4::Icmp { id: port, .. }, _, Some(new)) => *port = new,
        _ => {}
    }
}

/// The port or id that a manip changes.
fn port_of(tuple: &Tuple, manip: Manip) -> Option<u16> {
    match (tuple.l4, manip) {
        // Only for PPTP's helper.
        _ if tuple.protocol == GRE => None,
        (L4::Ports { src: port, .. }, Manip::Source)
        | (L4::Ports { dst: port, .. }, Manip::Destination)
        | (L4::Icmp { id: port, .. }, _) => Some(port),
        (L4::None, _) => None,
    }
}
