//! The expressions that keys and data are `typeof`, as nft keeps them in user data: triples in triples.

use nfblame_sys::nft::expr::{ExthdrOp, Fib, FibFlags, HashKind, NumgenKind, Osf, OsfFlags, Xfrm};
use nfblame_sys::nft::{Reg, userdata::Triples};
use smallvec::SmallVec;

use super::Datum;
use crate::ruleset::render::nft::datatype::{Order, Type};
use crate::ruleset::render::nft::extension::{self, Extension};
use crate::ruleset::render::nft::header::{Header, Layer, UNKNOWN};
use crate::ruleset::render::nft::tree::{Exthdr, Kind, Node, Payload};

// nft's numbers for kinds of expressions (`enum expr_types`).
const VERDICT: u32 = 1;
const PAYLOAD: u32 = 7;
const EXTHDR: u32 = 8;
const META: u32 = 9;
const SOCKET: u32 = 10;
const OSF: u32 = 11;
const CT: u32 = 12;
const CONCAT: u32 = 13;
const NUMGEN: u32 = 23;
const HASH: u32 = 24;
const RT: u32 = 25;
const FIB: u32 = 26;
const XFRM: u32 = 27;

/// Reads the value of `NFTNL_UDATA_SET_*_TYPEOF`. Nothing for what nft would not understand either.
pub(super) fn read(bytes: &[u8]) -> Option<Datum> {
    let (kind, data) = tagged(bytes)?;
    if kind != CONCAT {
        let node = single(kind, data)?;
        let type_of = SmallVec::from_elem(node, 1);
        let bits = node.bits;
        return Some(Datum { type_of, ..Datum::named(node.ty, node.order, bits) });
    }
    let mut datum = Datum::named(Type(0), Order::Unknown, 0);
    for n in 0..4 {
        let Some((_, field)) = Triples::new(data).find(|(t, _)| *t == n) else { break };
        let (kind, data) = tagged(field)?;
        let node = single(kind, data)?;
        datum.ty = datum.ty.with_field(node.ty);
        datum.bits += node.bits.next_multiple_of(32);
        datum.type_of.push(node);
    }
    Some(datum)
}

/// A kind of expression, and the triples that describe it.
fn tagged(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let find = |kind| Triples::new(bytes).find(|(t, _)| *t == kind).map(|(_, value)| value);
    Some((number(find(0)?)?, find(1)?))
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

fn single(kind: u32, data: &[u8]) -> Option<Node<'static>> {
    let get = |n: u8| Triples::new(data).find(|(t, _)| *t == n).and_then(|(_, value)| number(value));
    match kind {
        VERDICT => Some(Node::new(Kind::Verdict, Type::VERDICT, Order::Unknown, 128)),
        PAYLOAD => payload(get),
        EXTHDR => exthdr(get),
        META => Node::meta(get(0)?.into()),
        SOCKET => Node::socket(get(0)?.into(), 0),
        OSF => {
            let osf = Osf { dreg: Reg::VERDICT, ttl: 0, flags: OsfFlags::empty() };
            Some(Node::new(Kind::Osf(osf), Type::STRING, Order::Host, 128))
        }
        CT => Node::ct(get(0)?.into(), u8::try_from(get(1)?).ok().filter(|d| *d < 128).map(Into::into)),
        NUMGEN => {
            let kind = Kind::Numgen { kind: NumgenKind::from(get(0)?), modulus: get(1)?, offset: get(2)? };
            Some(Node::new(kind, Type::INTEGER, Order::Host, 32))
        }
        HASH => {
            let (kind, offset, modulus, seed) = (HashKind::from(get(0)?), get(1)?, get(2)?, get(3)?);
            let seed = (get(4)? != 0).then_some(seed);
            let kind = Kind::Hash { kind, of: None, modulus, seed, offset };
            Some(Node::new(kind, Type::INTEGER, Order::Host, 32))
        }
        RT => Node::rt(get(0)?.into()),
        FIB => {
            let fib = Fib { dreg: Reg::VERDICT, result: get(0)?.into(), flags: FibFlags::from_bits_retain(get(1)?) };
            Node::fib(fib)
        }
        XFRM => {
            let direction = u8::try_from(get(2)?).ok()?.into();
            Node::xfrm(Xfrm { key: get(0)?.into(), spnum: get(1)?, direction, dreg: Reg::VERDICT })
        }
        _ => None,
    }
}

fn payload(get: impl Fn(u8) -> Option<u32>) -> Option<Node<'static>> {
    let (header, field) = (get(0)?, get(1)?);
    let bits = get(4).unwrap_or(0);
    if let Some(header) = Header::by_id(header) {
        let node = Node::field(header, field as usize)?;
        return Some(if bits == 0 { node } else { Node { bits, ..node } });
    }
    let (layer, offset) = (get(2)?, get(3)?);
    let layer = match layer {
        1 => Layer::Link,
        2 => Layer::Network,
        3 => Layer::Transport,
        4 => Layer::Inner,
        _ => Layer::None,
    };
    let payload = Payload { header: &UNKNOWN, field: 0, layer, offset };
    // Its bytes count as a number in network order.
    Some(Node::new(Kind::Payload(payload), Type::XINTEGER, Order::Unknown, bits))
}

fn exthdr(get: impl Fn(u8) -> Option<u32>) -> Option<Node<'static>> {
    let (id, index) = (get(0)?, get(1)? as usize);
    let op = get(2).map_or(ExthdrOp::Ipv6, ExthdrOp::from);
    let (extension, number, index) = match op {
        ExthdrOp::Ipv6 => (Extension::by_id(id)?, None, index),
        ExthdrOp::Tcpopt => tcp_option(id, index)?,
        _ => (Extension::by_number(op, u8::try_from(id).ok()?)?, None, index),
    };
    let field = extension.fields.get(index).filter(|f| f.bits != 0)?;
    let kind = Kind::Extension(Exthdr {
        op,
        extension: Some(extension),
        field: Some(field.name),
        number: number.unwrap_or(extension.number),
        offset: field.offset,
        present: false,
    });
    Some(Node::new(kind, field.ty, extension::ORDER, field.bits))
}

/// nft numbers the further blocks of `sack` from 256; an option that it does not know counts as `nop`.
fn tcp_option(id: u32, index: usize) -> Option<(&'static Extension, Option<u8>, usize)> {
    const SACK: u8 = 5;
    const LEFT: usize = 2;
    const RIGHT: usize = 3;
    if let 256..=258 = id {
        let block = (id - 255) as usize;
        let index = if matches!(index, LEFT | RIGHT) { index + 2 * block } else { index };
        return Some((Extension::by_number(ExthdrOp::Tcpopt, SACK)?, None, index));
    }
    let number = u8::try_from(id).ok()?;
    match Extension::by_number(ExthdrOp::Tcpopt, number) {
        Some(option) => Some((option, None, index)),
        None if index == 0 => Some((Extension::by_number(ExthdrOp::Tcpopt, 1)?, Some(number), 0)),
        None => None,
    }
}
