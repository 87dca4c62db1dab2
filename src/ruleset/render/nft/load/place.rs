//! `payload` and `exthdr`: places in the packet, read and written.

use nfblame_sys::nft::expr::{Exthdr, ExthdrFlags, ExthdrOp, ExthdrSet, ExthdrStrip, Payload, PayloadBase, PayloadSet};

use super::Loader;
use crate::ruleset::render::nft::datatype::{Order, Type};
use crate::ruleset::render::nft::extension::{self, Extension, ROUTING};
use crate::ruleset::render::nft::header::{Layer, TH, UNKNOWN};
use crate::ruleset::render::nft::statement::Stmt;
use crate::ruleset::render::nft::tree::{self, Kind, Node};

impl<'r> Loader<'r, '_> {
    pub(super) fn payload(&mut self, p: &Payload) -> Option<()> {
        self.put(p.dreg, raw_payload(p.base, p.offset, p.len)?)
    }

    pub(super) fn payload_set(&mut self, p: &PayloadSet) -> Option<()> {
        let value = self.copy(p.sreg)?;
        let to = self.tree.add(raw_payload(p.base, p.offset, p.len)?);
        self.push(Stmt::Write { to, value });
        Some(())
    }

    pub(super) fn exthdr(&mut self, e: &Exthdr) -> Option<()> {
        let place = Place { op: e.op, number: e.kind, offset: e.offset, len: e.len, flags: e.flags };
        self.put(e.dreg, place.node()?)
    }

    pub(super) fn exthdr_set(&mut self, e: &ExthdrSet) -> Option<()> {
        let value = self.copy(e.sreg)?;
        let place = Place { op: e.op, number: e.kind, offset: e.offset, len: e.len, flags: e.flags };
        let node = place.node()?;
        self.tree.set_type(value, node.ty, node.order);
        let to = self.tree.add(node);
        self.push(Stmt::Write { to, value });
        Some(())
    }

    pub(super) fn exthdr_strip(&mut self, e: &ExthdrStrip) -> Option<()> {
        let place = Place { op: e.op, number: e.kind, offset: 0, len: 0, flags: ExthdrFlags::PRESENT };
        let to = self.tree.add(place.node()?);
        self.push(Stmt::Strip(to));
        Some(())
    }
}

/// Payload whose header is not known yet. What lies where ports lie is shown as a port of whatever protocol.
pub(crate) fn raw_payload<'r>(base: PayloadBase, offset: u32, len: u32) -> Option<Node<'r>> {
    let layer = match base {
        PayloadBase::Link => Layer::Link,
        PayloadBase::Network => Layer::Network,
        PayloadBase::Transport => Layer::Transport,
        PayloadBase::Inner => Layer::Inner,
        PayloadBase::Tunnel | PayloadBase::Unknown(_) => return None,
    };
    Some(raw(layer, offset.checked_mul(8)?, len.checked_mul(8).filter(|bits| *bits > 0)?))
}

/// The same with offset and width in bits.
pub(crate) fn raw<'r>(layer: Layer, offset: u32, bits: u32) -> Node<'r> {
    let port = (layer == Layer::Transport && bits == 16)
        .then(|| TH.fields.iter().position(|f| f.bits == bits && f.offset == offset))
        .flatten();
    let (header, field, ty) = match port {
        Some(field) => (&TH, field, Type::INET_SERVICE),
        None => (&UNKNOWN, 0, Type::XINTEGER),
    };
    Node::new(Kind::Payload(tree::Payload { header, field, layer, offset }), ty, Order::Unknown, bits)
}

/// A place in an extension header, option or chunk.
pub(crate) struct Place {
    pub op: ExthdrOp,
    pub number: u8,
    pub offset: u32,
    pub len: u32,
    pub flags: ExthdrFlags,
}

impl Place {
    pub fn node<'r>(&self) -> Option<Node<'r>> {
        let present = self.flags.contains(ExthdrFlags::PRESENT);
        node(self.op, self.number, self.offset.checked_mul(8)?, self.len.checked_mul(8)?, present)
    }
}

/// The operand for a place, with offset and width in bits.
pub(crate) fn node<'r>(op: ExthdrOp, number: u8, offset: u32, bits: u32, present: bool) -> Option<Node<'r>> {
    if let ExthdrOp::Unknown(_) = op {
        return None;
    }
    let mut extension = Extension::by_number(op, number);
    let mut field = extension.and_then(|e| e.field(offset, bits));
    if field.is_none() && op == ExthdrOp::Ipv6 && extension.is_some_and(|e| e.is(&ROUTING)) {
        for kind in Extension::routing_kinds() {
            field = kind.field(offset, bits);
            if field.is_some() {
                extension = Some(kind);
                break;
            }
        }
    }
    let ty = match field {
        _ if present => Type::BOOLEAN,
        Some(field) => field.ty,
        None if op == ExthdrOp::Ipv6 || op == ExthdrOp::Ipv4 => Type::INVALID,
        None => Type::INTEGER,
    };
    let exthdr = tree::Exthdr { op, extension, field: field.map(|f| f.name), number, offset, present };
    Some(Node::new(Kind::Extension(exthdr), ty, extension::ORDER, bits))
}
