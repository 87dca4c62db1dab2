//! What ipsets are asked about a packet.

use std::net::IpAddr;

use super::link::ethernet;
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::ip6;
use crate::evaluate::nat::address;
use crate::evaluate::packet::{CUT, Device};
use crate::ruleset::ipset::{Ask, Found, Subject};
use crate::sys::Text;
use crate::sys::ipset::{Mac, Port};
use crate::sys::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_IPV6};
use crate::sys::xt::SetReference;

/// The packet of a context.
pub(super) struct Asked<'c, 'a>(pub &'c Context<'a>);

/// What the set says of the packet; None if the sets, or this one, are not known.
pub(super) fn lookup<'a>(cx: &Context<'a>, set: SetReference, flags: u32) -> Option<Found<'a>> {
    let all = cx.env.ipsets()?;
    let wanted = all.by_index(set.index)?;
    Some(all.lookup(wanted, ask(set, flags), &Asked(cx)))
}

/// How a rule asks a set.
pub(super) fn ask(set: SetReference, flags: u32) -> Ask {
    Ask { dimensions: set.dimension, sources: set.flags, flags }
}

impl Subject for Asked<'_, '_> {
    fn family(&self) -> u8 {
        if self.0.packet.network == Network::Ip6 { NFPROTO_IPV6 } else { NFPROTO_IPV4 }
    }

    fn address(&self, source: bool) -> Fact<IpAddr> {
        let (at, n) = match self.0.packet.network {
            Network::Ip4 => (12, 4),
            _ => (8, 16),
        };
        match self.0.packet.read(if source { at } else { at + n }, n).map(address) {
            Fact::Is(a) => a.into(),
            Fact::Absent => Fact::Absent,
            Fact::Unknown(w) => Fact::Unknown(w),
        }
    }

    fn port(&self, source: bool) -> Fact<Port> {
        const ICMP: u8 = 1;
        const TCP: u8 = 6;
        const UDP: u8 = 17;
        const ICMPV6: u8 = 58;
        const SCTP: u8 = 132;
        const UDPLITE: u8 = 136;
        let packet = &self.0.packet;
        let (proto, at) = match packet.network {
            Network::Ip4 => {
                let (proto, [first], fragment) = match (packet.array::<1>(9), packet.array(0), packet.array::<2>(6)) {
                    (Fact::Is([p]), Fact::Is(f), Fact::Is(g)) => (p, f, u16::from_be_bytes(g) & 0x1fff),
                    _ => return Fact::unknown(CUT),
                };
                if proto == 0 {
                    return Fact::Absent;
                }
                if fragment != 0 {
                    return match proto {
                        TCP | SCTP | UDP | UDPLITE | ICMP => Fact::Absent,
                        _ => Fact::Is(Port { proto, port: 0 }),
                    };
                }
                (proto, usize::from(first & 0xf) * 4)
            }
            _ => match ip6::skip_extensions(packet) {
                Some(f) if f.fragment == 0 => (f.protocol, f.offset),
                _ if packet.bytes.len() < packet.length => return Fact::unknown(CUT),
                _ => return Fact::Absent,
            },
        };
        let (header, ports) = match proto {
            TCP => (20, true),
            SCTP => (12, true),
            UDP | UDPLITE => (8, true),
            ICMP | ICMPV6 => (8, false),
            _ => return Fact::Is(Port { proto, port: 0 }),
        };
        let port = |at| packet.array::<2>(at).map(|b| Port { proto, port: u16::from_be_bytes(b) });
        match packet.read(at, header) {
            Fact::Absent => Fact::Absent,
            _ if ports => port(if source { at } else { at + 2 }),
            _ => port(at),
        }
    }

    fn mac(&self, source: bool) -> Fact<Mac> {
        match ethernet(self.0).map(|h| h.get(if source { 6..12 } else { 0..6 }).and_then(|b| b.first_chunk().copied()))
        {
            Fact::Is(Some([0, 0, 0, 0, 0, 0]) | None) | Fact::Absent => Fact::Absent,
            Fact::Is(Some(mac)) => Fact::Is(Mac(mac)),
            Fact::Unknown(w) => Fact::Unknown(w),
        }
    }

    fn interface(&self, inbound: bool, bridge_port: bool) -> Fact<Text> {
        let packet = &self.0.packet;
        let device = match (inbound, bridge_port) {
            (true, false) => &packet.iif,
            (false, false) => &packet.oif,
            (true, true) => &packet.physin,
            (false, true) => &packet.physout,
        };
        match device {
            Fact::Is(Device { name, .. }) => name.clone(),
            Fact::Absent => Fact::Absent,
            Fact::Unknown(w) => Fact::Unknown(w.clone()),
        }
    }

    fn mark(&self) -> Fact<u32> {
        self.0.packet.mark.clone()
    }
}
