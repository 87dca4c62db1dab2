//! One packet, and what is said about it.

use crate::blame::Time;
use crate::evaluate::packet::CtState;
use crate::evaluate::{Hook, Network};
use crate::sys::Text;

/// Where a packet comes from, as seen from this host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Side {
    /// In by an interface.
    In(Text),
    /// This host sends it.
    Out,
    /// Nobody said: it follows from the source address.
    #[default]
    Unsaid,
}

/// A packet to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The network layer protocol.
    pub network: Network,
    /// From the network header on, as much as there is of it.
    pub bytes: Vec<u8>,
    /// Its length from the network header on, where `bytes` is cut.
    pub length: Option<usize>,
    /// The link layer header.
    pub link: Option<Vec<u8>>,
    /// The VLAN tag: TCI and protocol.
    pub vlan: Option<(u16, u16)>,
    /// Its source hardware address, where no link layer header is given.
    pub mac: Option<[u8; 6]>,
    /// `PACKET_*`, where it is known.
    pub pkttype: Option<u8>,
    /// Where it comes from.
    pub side: Side,
    /// The hook to begin at instead of the first one.
    pub hook: Option<Hook>,
    /// The interface it leaves by, instead of the one that routing chooses.
    pub oif: Option<Text>,
    /// The packet mark.
    pub mark: u32,
    /// The user who sends it.
    pub uid: Option<u32>,
    /// The group that sends it.
    pub gid: Option<u32>,
    /// The control group (version 2) that sends it.
    pub cgroup: Option<Text>,
    /// What conntrack is to say about it; nothing: what it says by its live table.
    pub ct: Option<CtState>,
    /// When it was captured.
    pub time: Option<Time>,
}

impl Question {
    /// A packet of which nothing else is said.
    pub fn new(network: Network, bytes: Vec<u8>) -> Self {
        Self {
            network,
            bytes,
            length: None,
            link: None,
            vlan: None,
            mac: None,
            pkttype: None,
            side: Side::Unsaid,
            hook: None,
            oif: None,
            mark: 0,
            uid: None,
            gid: None,
            cgroup: None,
            ct: None,
            time: None,
        }
    }
}

/// A question that cannot be asked, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    /// A reason.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
