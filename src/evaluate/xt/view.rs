//! What entries select by, read from a packet once per walk.

use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::ip6::{self, Found, Missing, Wanted};
use crate::evaluate::packet::{CUT, Device, Packet};
use crate::sys::xt::Family;

/// Where matches find the transport header (`thoff` and `fragoff` of `struct xt_action_param`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transport {
    /// The offset of the transport header from the network header; 0 where the kernel leaves it so.
    pub offset: usize,
    /// The fragment offset: in IPv4 in units of 8 bytes, in IPv6 in bytes.
    pub fragment: u16,
}

impl Transport {
    /// As nf_tables finds it (`nft_set_pktinfo_ipv4`, `nft_set_pktinfo_ipv6`), for the matches of nft_compat.
    pub fn nft(cx: &mut Context) -> Fact<Self> {
        match cx.packet.network {
            Network::Ip4 => Self::ip(&cx.packet),
            Network::Ip6 => match ip6::find_in(cx, Wanted::TransportOrAuth) {
                Ok(f) => Fact::Is(Self { offset: f.offset, fragment: f.fragment }),
                Err(Missing::Cut) => Fact::unknown(CUT),
                Err(_) => Fact::Is(Self::default()),
            },
            _ => Fact::Is(Self::default()),
        }
    }

    /// As ip_tables finds it.
    fn ip(packet: &Packet) -> Fact<Self> {
        match (packet.array::<1>(0), packet.array::<2>(6)) {
            (Fact::Is([first]), Fact::Is(fragment)) => {
                Fact::Is(Self { offset: usize::from(first & 0xf) * 4, fragment: u16::from_be_bytes(fragment) & 0x1fff })
            }
            (Fact::Unknown(w), _) | (_, Fact::Unknown(w)) => Fact::Unknown(w),
            _ => Fact::Is(Self::default()),
        }
    }
}

/// The fields of a packet that entries select by.
#[derive(Debug, Clone)]
pub struct View {
    /// `state->in->name`, padded; empty where there is none.
    pub iif: Fact<u128>,
    /// `state->out->name`.
    pub oif: Fact<u128>,
    /// The rest.
    pub fields: Fields,
}

/// The fields of one network protocol.
#[derive(Debug, Clone)]
pub enum Fields {
    /// IPv4.
    Ip {
        /// Source address.
        src: Fact<u128>,
        /// Destination address.
        dst: Fact<u128>,
        /// Protocol.
        protocol: Fact<u8>,
        /// The transport header.
        transport: Fact<Transport>,
    },
    /// IPv6.
    Ip6 {
        /// Source address.
        src: Fact<u128>,
        /// Destination address.
        dst: Fact<u128>,
        /// What `ipv6_find_hdr` finds.
        transport: Result<Found, Missing>,
    },
    /// ARP: its fields are read where they are needed, they are few.
    Arp,
}

impl View {
    /// Reads a packet as tables of that family do.
    pub fn new(family: Family, cx: &mut Context) -> Self {
        let transport6 = if family == Family::Ip6 { ip6::find_in(cx, Wanted::Transport) } else { Err(Missing::Absent) };
        let packet = &cx.packet;
        let address = |at: usize, n: usize| packet.read(at, n).map(number);
        let fields = match family {
            Family::Ip => Fields::Ip {
                src: address(12, 4),
                dst: address(16, 4),
                protocol: packet.array::<1>(9).map(|[p]| p),
                transport: Transport::ip(packet),
            },
            Family::Ip6 => Fields::Ip6 { src: address(8, 16), dst: address(24, 16), transport: transport6 },
            Family::Arp | Family::Bridge => Fields::Arp,
        };
        Self { iif: name(&packet.iif), oif: name(&packet.oif), fields }
    }

    /// The transport header for the matches of an entry that names a protocol, or of one that does not.
    pub(super) fn transport(&self, named: bool) -> Fact<Transport> {
        match &self.fields {
            Fields::Ip { transport, .. } => transport.clone(),
            // ip6_tables looks for it only under IP6T_F_PROTO; the fragment offset it keeps.
            Fields::Ip6 { transport, .. } => match transport {
                Ok(f) => Fact::Is(Transport { offset: if named { f.offset } else { 0 }, fragment: f.fragment }),
                Err(Missing::Cut) => Fact::unknown(CUT),
                Err(_) => Fact::Is(Transport::default()),
            },
            Fields::Arp => Fact::Is(Transport::default()),
        }
    }
}

/// Bytes as a number, the first being the highest.
pub(super) fn number(bytes: &[u8]) -> u128 {
    bytes.iter().take(16).fold(0, |n, &b| n << 8 | u128::from(b))
}

/// An interface's name, padded with zeros to 16 bytes, as a number.
fn name(device: &Fact<Device>) -> Fact<u128> {
    match device {
        Fact::Is(d) => match &d.name {
            Fact::Is(n) => Fact::Is(padded(n.as_bytes())),
            Fact::Absent => Fact::Is(0),
            Fact::Unknown(w) => Fact::Unknown(w.clone()),
        },
        Fact::Absent => Fact::Is(0),
        Fact::Unknown(w) => Fact::Unknown(w.clone()),
    }
}

/// A name, padded with zeros to 16 bytes, as a number.
pub(super) fn padded(name: &[u8]) -> u128 {
    name.iter().copied().chain(std::iter::repeat(0)).take(16).fold(0, |n, b| n << 8 | u128::from(b))
}
