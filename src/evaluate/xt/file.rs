//! How rules of legacy chains are filed by their conditions, and what a packet looks them up with.

use smallvec::SmallVec;

use super::view::{Fields as Parts, Transport, View};
use crate::evaluate::candidates::{self, Have, Key, Wanted};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::sys::uapi::x_tables::*;
use crate::sys::xt::matches::{Multiport, Tcp, Udp};
use crate::sys::xt::{Interface, Match, Selector};

/// What rules are filed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// Source address.
    Source,
    /// Destination address.
    Destination,
    /// Name of the interface of arrival.
    Input,
    /// Name of the interface of departure.
    Output,
    /// Transport protocol.
    Protocol,
    /// Transport protocol and source port: `protocol << 16 | port`.
    SourcePort,
    /// Transport protocol and destination port.
    DestinationPort,
}

/// How many kinds of [`Field`] there are.
const FIELDS: usize = 7;

/// The fields of a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fields([Have; FIELDS]);

impl Fields {
    fn set(&mut self, field: Field, have: Have) {
        if let Some(f) = self.0.get_mut(field as usize) {
            *f = have;
        }
    }

    /// What the packet has in a field.
    pub(super) fn get(&self, field: candidates::Field) -> Have {
        self.0.get(usize::from(field)).copied().unwrap_or(Have::Entangled)
    }
}

fn key(field: Field, mask: u128, value: u128) -> Key {
    Key::new(field as candidates::Field, mask, value)
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// The conditions of a rule that can be looked up: equalities of the entry itself, and of its first match, behind which
/// no other match has been asked yet.
pub(super) fn keys(selector: &Selector, first: Option<&Match<'_>>) -> SmallVec<[Key; 4]> {
    let mut keys = SmallVec::new();
    let mut address = |field, value: u128, mask: u128, inverted: bool| {
        if !inverted {
            keys.push(key(field, mask, value));
        }
    };
    let (proto, inverted) = match selector {
        Selector::Ip(s) => {
            let inverted = |bit: u8| s.invert & bit != 0;
            let bits = |a: std::net::Ipv4Addr| u128::from(a.to_bits());
            address(Field::Source, bits(s.src), bits(s.src_mask), inverted(IPT_INV_SRCIP));
            address(Field::Destination, bits(s.dst), bits(s.dst_mask), inverted(IPT_INV_DSTIP));
            interface(&mut keys, Field::Input, &s.iif, inverted(IPT_INV_VIA_IN));
            interface(&mut keys, Field::Output, &s.oif, inverted(IPT_INV_VIA_OUT));
            (s.proto, inverted(XT_INV_PROTO))
        }
        Selector::Ip6(s) => {
            let inverted = |bit: u8| s.invert & bit != 0;
            address(Field::Source, s.src.to_bits(), s.src_mask.to_bits(), inverted(IPT_INV_SRCIP));
            address(Field::Destination, s.dst.to_bits(), s.dst_mask.to_bits(), inverted(IPT_INV_DSTIP));
            interface(&mut keys, Field::Input, &s.iif, inverted(IPT_INV_VIA_IN));
            interface(&mut keys, Field::Output, &s.oif, inverted(IPT_INV_VIA_OUT));
            (if s.flags & IP6T_F_PROTO != 0 { s.proto } else { 0 }, inverted(XT_INV_PROTO))
        }
        Selector::Arp(_) => return SmallVec::new(),
    };
    let Some(protocol) = u8::try_from(proto).ok().filter(|&p| p != 0 && !inverted) else { return keys };
    keys.push(key(Field::Protocol, 0xff, protocol.into()));
    let of_port = |port: u16| u128::from(protocol) << 16 | u128::from(port);
    let mut one = |field, (low, high): (u16, u16), inverted: bool| {
        if inverted || (low, high) == (0, u16::MAX) {
            return;
        }
        keys.push(match low == high {
            true => key(field, u128::MAX, of_port(low)),
            false => between(field, of_port(low), of_port(high)),
        });
    };
    match first {
        Some(Match::Tcp(m)) if protocol == TCP => {
            one(Field::SourcePort, m.source, m.invert & Tcp::INVERT_SOURCE != 0);
            one(Field::DestinationPort, m.destination, m.invert & Tcp::INVERT_DESTINATION != 0);
        }
        Some(Match::Udp(m)) if protocol == UDP => {
            one(Field::SourcePort, m.source.into(), m.invert & Udp::INVERT_SOURCE != 0);
            one(Field::DestinationPort, m.destination.into(), m.invert & Udp::INVERT_DESTINATION != 0);
        }
        Some(Match::Multiport(m)) if matches!(protocol, TCP | UDP) && !m.invert => {
            let field = match m.side {
                Multiport::SOURCE => Field::SourcePort,
                Multiport::DESTINATION => Field::DestinationPort,
                _ => return keys,
            };
            let ranges = || m.ports.ranges().map(|(low, high)| (of_port(low), of_port(high)));
            if ranges().all(|(low, high)| low == high) {
                let values = ranges().map(|(port, _)| port).collect();
                keys.push(Key { field: field as candidates::Field, wanted: Wanted::OneOf { mask: u128::MAX, values } });
            } else if let (Some(low), Some(high)) = (ranges().map(|r| r.0).min(), ranges().map(|r| r.1).max()) {
                keys.push(between(field, low, high));
            }
        }
        _ => {}
    }
    keys
}

fn between(field: Field, low: u128, high: u128) -> Key {
    Key { field: field as candidates::Field, wanted: Wanted::Between(low, high) }
}

fn interface(keys: &mut SmallVec<[Key; 4]>, field: Field, wanted: &Interface, inverted: bool) {
    let mask = u128::from_be_bytes(wanted.mask);
    if !inverted {
        keys.push(key(field, mask, u128::from_be_bytes(wanted.name) & mask));
    }
}

/// What a packet has to look rules up with. A packet on which rules may stumble (too short for its protocol, a later
/// fragment, broken headers) has to be tried on all of them: the first that does decides.
pub(super) fn fields(cx: &Context, view: &View) -> Fields {
    let have = |fact: &Fact<u128>| match fact {
        Fact::Is(v) => Have::Is(*v),
        Fact::Absent => Have::Nothing,
        Fact::Unknown(_) => Have::Entangled,
    };
    let mut fields = Fields::default();
    fields.set(Field::Input, have(&view.iif));
    fields.set(Field::Output, have(&view.oif));
    let (src, dst, found) = match &view.fields {
        Parts::Ip { src, dst, protocol, transport } => {
            let found = match (protocol, transport) {
                (Fact::Is(p), Fact::Is(t)) => Some((*p, *t)),
                _ => None,
            };
            (src, dst, found)
        }
        Parts::Ip6 { src, dst, transport } => {
            let found = transport.ok().map(|f| (f.protocol, Transport { offset: f.offset, fragment: f.fragment }));
            (src, dst, found)
        }
        Parts::Arp => return fields,
    };
    fields.set(Field::Source, have(src));
    fields.set(Field::Destination, have(dst));
    let (mut source, mut destination) = (Have::Nothing, Have::Nothing);
    match found {
        Some((protocol, t)) => {
            fields.set(Field::Protocol, Have::Is(protocol.into()));
            let needed = if protocol == TCP { 20 } else { 8 };
            if matches!(protocol, TCP | UDP) {
                let whole = t.fragment == 0 && matches!(cx.packet.read(t.offset, needed), Fact::Is(_));
                (source, destination) = match cx.packet.array(t.offset) {
                    Fact::Is::<[u8; 4]>([a, b, c, d]) if whole => {
                        let port = |high, low| u128::from(protocol) << 16 | u128::from(u16::from_be_bytes([high, low]));
                        (Have::Is(port(a, b)), Have::Is(port(c, d)))
                    }
                    _ => (Have::Entangled, Have::Entangled),
                };
            }
        }
        None => {
            // Headers that cannot be read stop IPv6 at the first rule that names a protocol, whichever it is.
            for field in [Field::Source, Field::Destination, Field::Protocol, Field::Input, Field::Output] {
                fields.set(field, Have::Entangled);
            }
            (source, destination) = (Have::Entangled, Have::Entangled);
        }
    }
    fields.set(Field::SourcePort, source);
    fields.set(Field::DestinationPort, destination);
    fields
}
