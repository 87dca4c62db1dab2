//! The packet on its way: its bytes as the next hook sees them, and what the kernel carries beside the bytes.

use std::ops::Range;
use std::sync::Arc;

use crate::sys::Text;
use crate::sys::ct::{Flow, Tuple, Zone};

use super::bytes::Bytes;
use super::environment::{Environment, FibAnswer};
use super::fact::Fact;
use super::headers::{Headers, Network};
use super::summed::Summed;

/// What an answer depends on that would need bytes which nobody has captured or told of.
pub const CUT: &str = "bytes of the packet that are not known";

/// A network device, as a packet remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The interface index in this network namespace.
    pub index: u32,
    /// Its name. [`Fact::Unknown`] if the device has gone since.
    pub name: Fact<Text>,
}

/// Conntrack's view of a packet (`enum ip_conntrack_info`, without the direction).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CtState {
    /// The first packet of a connection, or one before the answer.
    New,
    /// Both directions have been seen.
    Established,
    /// Belongs to a connection that another one announced, or an ICMP error about one.
    Related,
    /// Tracked, and does not fit.
    Invalid,
    /// Not tracked on purpose (`notrack`), or because no conntrack hook runs here.
    Untracked,
}

impl CtState {
    /// The name that both nft and iptables use, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Established => "established",
            Self::Related => "related",
            Self::Invalid => "invalid",
            Self::Untracked => "untracked",
        }
    }
}

/// What the kernel knows of the socket that sent a packet of this host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owner {
    /// The user id of the socket's file.
    pub uid: Option<u32>,
    /// The group id of the socket's file.
    pub gid: Option<u32>,
    /// The cgroup v2 path, from the mount point.
    pub cgroup: Option<Text>,
}

/// What conntrack says about a packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ct {
    /// Its state; [`Fact::Absent`] before the conntrack hook.
    pub state: Fact<CtState>,
    /// Is it in the direction of the reply?
    pub reply: Fact<bool>,
    /// The mark of the connection.
    pub mark: Fact<u32>,
    /// The `IPS_*` bits of the connection.
    pub status: Fact<u32>,
    /// The zone.
    pub zone: Fact<Zone>,
    /// Before the conntrack hook: has a rule given it a template (`-j CT --zone`)? It looks like a new connection then.
    pub template: bool,
    /// The direction of the connection's first packet. Of a new connection that is the packet before any NAT.
    pub original: Fact<Tuple>,
    /// The direction of the answers, as NAT has made it so far.
    pub answers: Fact<Tuple>,
    /// The connection as the kernel holds it; absent for a new one.
    pub flow: Fact<Arc<Flow>>,
    /// Has the kernel sent something of its own about the packet that rules saw as part of the connection? They may have given
    /// it any label then.
    pub told: bool,
    /// Labels that rules gave the connection on the way, beside those that it had.
    pub labels: u128,
    /// Is the packet part of the connection without being counted (what the TCP tracker ignores, errors about others)?
    pub ignored: Fact<bool>,
    /// The closed connection that a new one with the same ends takes the place of. It is gone by now.
    pub replaces: Option<Arc<Flow>>,
}

impl Ct {
    /// Does conntrack know a connection already whose packets look like this?
    pub fn is_taken(&self, tuple: &Tuple, env: &dyn Environment) -> Fact<bool> {
        if self.replaces.as_ref().is_some_and(|gone| gone.is_reply(tuple).is_some()) {
            return Fact::Is(false);
        }
        env.tuple_taken(tuple, self.zone.value().copied().unwrap_or_default())
    }
}

/// `PACKET_BROADCAST`, `PACKET_MULTICAST` (include/uapi/linux/if_packet.h).
const PACKET_BROADCAST: u8 = 1;
const PACKET_MULTICAST: u8 = 2;

/// A packet and its metadata at one point of its way. Hooks change it: NAT rewrites bytes, rules set marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The network layer protocol.
    pub network: Network,
    /// From the network header on; possibly cut by whoever captured it.
    pub bytes: Bytes,
    /// The length it had from the network header on; more than `bytes` holds if it was cut.
    pub length: usize,
    /// The link layer header, such as the 14 bytes of Ethernet.
    pub link: Fact<Vec<u8>>,
    /// The VLAN tag that the device took out of the link layer header (`skb->vlan_tci`): TCI and protocol.
    pub vlan: Fact<(u16, u16)>,
    /// Where it came in.
    pub iif: Fact<Device>,
    /// Where it goes out.
    pub oif: Fact<Device>,
    /// The bridge port it came in by.
    pub physin: Fact<Device>,
    /// The bridge port it goes out by.
    pub physout: Fact<Device>,
    /// `skb->mark`.
    pub mark: Fact<u32>,
    /// `skb->priority`.
    pub priority: Fact<u32>,
    /// `skb->pkt_type` (`PACKET_*`).
    pub pkttype: Fact<u8>,
    /// Who sent it.
    pub owner: Fact<Owner>,
    /// The route it took, once it was routed.
    pub route: Fact<FibAnswer>,
    /// Conntrack's view.
    pub ct: Ct,
    /// What is known of its sum.
    pub summed: Summed,
    /// Bytes whose value is not known: a port that NAT chose, an option that the kernel fills in. Ranges from the network header.
    pub blurred: Vec<Range<usize>>,
}

impl Packet {
    /// A packet of which only the bytes are known.
    pub fn new(network: Network, bytes: Vec<u8>) -> Self {
        let length = Headers::parse(network, &bytes).total_length.max(bytes.len());
        let bytes = Bytes::from(bytes);
        bytes.range(if network == Network::Ip6 { 4 } else { 2 }, 2);
        Self {
            network,
            length,
            bytes,
            link: Fact::unknown("link layer header"),
            vlan: Fact::Absent,
            iif: Fact::Absent,
            oif: Fact::Absent,
            physin: Fact::Absent,
            physout: Fact::Absent,
            mark: Fact::Is(0),
            priority: Fact::unknown("packet priority"),
            pkttype: Fact::unknown("packet type"),
            owner: Fact::unknown("socket owner"),
            route: Fact::unknown("route"),
            ct: Ct::default(),
            summed: Summed::Not,
            blurred: Vec::new(),
        }
    }

    /// The link layer header that it was seen with. One that came in to a group address is for many (`eth_type_trans`);
    /// whether others are for this host, nobody says.
    pub fn seen_with(&mut self, link: &[u8]) {
        self.link = if link.is_empty() { Fact::Absent } else { Fact::Is(link.to_vec()) };
        if let (Fact::Is(_), Some(to @ [first, ..])) = (&self.iif, link.first_chunk::<6>())
            && first & 1 != 0
        {
            self.pkttype = Fact::Is(if *to == [0xff; 6] { PACKET_BROADCAST } else { PACKET_MULTICAST });
        }
    }

    /// Where its headers are, as the bytes stand now.
    pub fn headers(&self) -> Headers {
        let headers = Headers::parse(self.network, self.bytes.shown());
        match (self.network, headers.transport) {
            (Network::Ip4, _) => {
                // Version and length, total length, fragment, protocol.
                for (at, n) in [(0, 1), (2, 2), (6, 2), (9, 1)] {
                    self.bytes.range(at, n);
                }
            }
            (Network::Ip6, Some(40)) => {
                for (at, n) in [(0, 1), (4, 3)] {
                    self.bytes.range(at, n);
                }
            }
            // Extension headers: wherever they ended.
            (Network::Ip6, _) => {
                self.bytes.range(0, self.bytes.len());
            }
            _ => {}
        }
        headers
    }

    /// `len` bytes at `at` from the network header: known, beyond the end of the packet (absent), or not known.
    pub fn read(&self, at: usize, len: usize) -> Fact<&[u8]> {
        let Some(end) = at.checked_add(len) else { return Fact::Absent };
        match self.bytes.range(at, len) {
            Some(_) if self.blurred.iter().any(|b| b.start < end && at < b.end) => {
                Fact::unknown("the port, address or option that the kernel chose")
            }
            Some(b) => Fact::Is(b),
            None if end <= self.length => Fact::unknown(CUT),
            None => Fact::Absent,
        }
    }

    /// The same as [`read`](Self::read), as an array.
    pub fn array<const N: usize>(&self, at: usize) -> Fact<[u8; N]> {
        match self.read(at, N) {
            Fact::Is(b) => b.try_into().map_or(Fact::Absent, Fact::Is),
            Fact::Absent => Fact::Absent,
            Fact::Unknown(w) => Fact::Unknown(w),
        }
    }

    /// Overwrites bytes; false if they are not all there.
    pub fn write(&mut self, at: usize, new: &[u8]) -> bool {
        let Some(there) = at.checked_add(new.len()).and_then(|end| self.bytes.get_mut(at..end)) else { return false };
        there.copy_from_slice(new);
        self.blurred.retain(|b| b.start < at || b.end > at + new.len());
        true
    }

    /// The source and destination address bytes (4 or 16 each), where there are any and they are known.
    pub fn addresses(&self) -> Option<(&[u8], &[u8])> {
        let (at, n) = match self.network {
            Network::Ip4 => (12, 4),
            Network::Ip6 => (8, 16),
            _ => return None,
        };
        Some((self.read(at, n).known()?, self.read(at + n, n).known()?))
    }

    /// The ports of TCP, UDP, UDP-Lite, SCTP and DCCP, where they are known.
    pub fn ports(&self) -> Option<(u16, u16)> {
        let h = self.headers();
        if !matches!(h.protocol?, 6 | 17 | 33 | 132 | 136) || !h.first_fragment() {
            return None;
        }
        let b = self.array::<4>(h.transport?).known()?;
        Some((u16::from_be_bytes([b[0], b[1]]), u16::from_be_bytes([b[2], b[3]])))
    }
}
