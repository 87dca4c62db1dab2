//! How rules of legacy chains are filed by their conditions, and what a packet looks them up with.

use super::view::{Fields as Parts, Transport, View};
use crate::evaluate::candidates::{Field, Fields, Have, Key};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::sys::uapi::x_tables::*;
use crate::sys::xt::matches::{Multiport, Tcp, Udp};
use crate::sys::xt::{Interface, Match, Selector};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// The conditions of a rule that can be looked up: equalities of the entry itself, and of its first match, behind which
/// no other match has been asked yet.
pub(super) fn keys(selector: &Selector, first: Option<&Match<'_>>) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut address = |field, value: u128, mask: u128, inverted: bool| {
        if !inverted {
            keys.push(Key::new(field, mask, value));
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
        Selector::Arp(_) => return Vec::new(),
    };
    let Some(protocol) = u8::try_from(proto).ok().filter(|&p| p != 0 && !inverted) else { return keys };
    keys.push(Key::new(Field::Protocol, 0xff, protocol.into()));
    let of_port = |port: u16| u128::from(protocol) << 16 | u128::from(port);
    let mut one = |field, (low, high): (u16, u16), inverted: bool| {
        if low == high && !inverted {
            keys.push(Key::new(field, u128::MAX, of_port(low)));
        }
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
            if m.ports.ranges().all(|(low, high)| low == high) {
                let values = m.ports.ranges().map(|(port, _)| of_port(port)).collect();
                keys.push(Key { field, mask: u128::MAX, values });
            }
        }
        _ => {}
    }
    keys
}

fn interface(keys: &mut Vec<Key>, field: Field, wanted: &Interface, inverted: bool) {
    let mask = u128::from_be_bytes(wanted.mask);
    if !inverted {
        keys.push(Key::new(field, mask, u128::from_be_bytes(wanted.name) & mask));
    }
}

/// What a packet has to look rules up with. A packet on which rules may stumble (too short for its protocol, a later
/// fragment, broken headers) has to be tried on all of them: the first that does decides.
pub(super) fn fields(cx: &Context, view: &View) -> Fields {
    let have = |fact: &Fact<u128>| match fact {
        Fact::Is(v) => Have::Is(*v),
        Fact::Absent => Have::Nothing,
        Fact::Unknown(_) => Have::Unknown,
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
                    _ => (Have::Unknown, Have::Unknown),
                };
            }
        }
        None => {
            // Headers that cannot be read stop IPv6 at the first rule that names a protocol, whichever it is.
            for field in [Field::Source, Field::Destination, Field::Protocol, Field::Input, Field::Output] {
                fields.set(field, Have::Unknown);
            }
            (source, destination) = (Have::Unknown, Have::Unknown);
        }
    }
    fields.set(Field::SourcePort, source);
    fields.set(Field::DestinationPort, destination);
    fields
}
