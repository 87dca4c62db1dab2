//! What a filter says.

use ipnet::IpNet;

/// A filter expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// All of them.
    All(Vec<Expr>),
    /// At least one of them.
    Any(Vec<Expr>),
    /// The opposite.
    Not(Box<Expr>),
    /// A question to the packet.
    Is(Primitive),
}

/// A question to the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Primitive {
    /// Is it of this network protocol?
    Network(Net),
    /// Is it of this transport protocol, over this network protocol (none: IPv4 or IPv6)?
    Protocol {
        /// Over which.
        over: Option<Net>,
        /// `IPPROTO_*`.
        number: u8,
    },
    /// Is its address in this prefix?
    Address {
        /// In packets of this network protocol only; none: IPv4 or ARP for an IPv4 prefix, IPv6 for an IPv6 prefix.
        within: Option<Net>,
        /// Which address.
        direction: Direction,
        /// The prefix, a full-length one for a host.
        prefix: IpNet,
    },
    /// Is its port in this range?
    Port {
        /// Of this transport protocol; none: TCP, UDP or SCTP.
        protocol: Option<u8>,
        /// Which port.
        direction: Direction,
        /// The first port of the range.
        first: u16,
        /// The last port of the range.
        last: u16,
    },
}

/// The network protocols that a filter can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// ARP.
    Arp,
}

/// Which of the two addresses or ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The sender's.
    Source,
    /// The receiver's.
    Destination,
    /// At least one of them.
    Either,
    /// Each of them.
    Both,
}

/// The protocols whose ports `port` without a protocol means, as in pcap-filter: TCP, UDP, SCTP.
pub(super) const WITH_PORTS: [u8; 3] = [6, 17, 132];
