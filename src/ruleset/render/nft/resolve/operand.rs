//! Operands: the values in them get their meaning from what they are compared with.

use smallvec::SmallVec;

use super::Resolver;
use crate::ruleset::render::nft::datatype::{Order, Type, swapped};
use crate::ruleset::render::nft::header::{IP, IP6, Layer};
use crate::ruleset::render::nft::key;
use crate::ruleset::render::nft::tree::{Chars, Ct, Ending, Id, Kind, Node, Op};
use nfblame_sys::nft::expr::CtKey;

impl<'r> Resolver<'r, '_> {
    /// Resolves an operand. What stands there may turn out to be something else: the place of that is returned.
    pub(super) fn operand(&mut self, id: Id) -> Id {
        let node = self.tree.get(id);
        match node.kind {
            Kind::Value(value) => self.value(id, node, value),
            Kind::Map(key, map) => {
                let key = self.unmasked_key(key, map);
                let key = self.operand(key);
                self.tree.set(id, Node { kind: Kind::Map(key, map), ..node });
                id
            }
            Kind::Concat(list) => {
                let types = node.ty.fields().collect::<SmallVec<[Type; 8]>>();
                let mut ty = Type(0);
                let outer = std::mem::replace(&mut self.in_place, true);
                for n in 0.. {
                    let Some(field) = self.tree.nth(list, n) else { break };
                    if let Some(&ty) = types.get(n) {
                        self.tree.set_type(field, ty, ty.order());
                    }
                    let field = self.operand(field);
                    self.tree.replace_nth(list, n, field);
                    ty = ty.with_field(self.tree.get(field).ty);
                }
                self.in_place = outer;
                self.tree.set(id, Node { ty, ..node });
                id
            }
            Kind::Swap(arg) => {
                let arg = self.operand(arg);
                let inner = self.tree.get(arg);
                let order = if inner.order == Order::Unknown { Order::Host } else { Order::Unknown };
                self.tree.set(id, Node { kind: Kind::Swap(arg), ty: inner.ty, order, ..node });
                id
            }
            Kind::Binary(op, left, right) => self.binary(id, op, left, right),
            Kind::Payload(_) => {
                self.complete(id);
                self.payload_implies(id);
                id
            }
            Kind::Range(low, high) => {
                let (low, high) = (self.operand(low), self.operand(high));
                self.tree.set(id, Node { kind: Kind::Range(low, high), ..node });
                id
            }
            Kind::Prefix(of, len) => {
                let of = self.operand(of);
                self.tree.set(id, Node { kind: Kind::Prefix(of, len), ..node });
                id
            }
            Kind::Element(key, timeout) => {
                let outer = std::mem::replace(&mut self.in_place, true);
                let key = self.operand(key);
                self.in_place = outer;
                self.tree.set(id, Node { kind: Kind::Element(key, timeout), ..node });
                id
            }
            Kind::Extension(e) => {
                self.extension_implies(e.op);
                id
            }
            Kind::Hash { kind, of: Some(of), modulus, seed, offset } => {
                let of = Some(self.operand(of));
                self.tree.set(id, Node { kind: Kind::Hash { kind, of, modulus, seed, offset }, ..node });
                id
            }
            Kind::Ct(ct) => {
                self.connection(id, node, ct);
                id
            }
            _ => id,
        }
    }

    /// A number in the order of its type, characters, or flags.
    fn value(&mut self, id: Id, node: Node<'r>, value: u128) -> Id {
        if node.ty.is_string() {
            self.tree.set(id, Node { kind: Kind::Chars(characters(value, node.bits)), ..node });
            return id;
        }
        let value = if node.order == Order::Host { swapped(value, node.bits) } else { value };
        self.tree.set(id, Node { kind: Kind::Value(value), ..node });
        if !node.ty.is_flags() || value.count_ones() < 2 {
            return id;
        }
        // Flags one by one, the lowest first.
        let mut rest = value;
        let mut joined = None;
        while rest != 0 {
            let flag = rest & rest.wrapping_neg();
            rest &= !flag;
            let flag = self.tree.add(Node { kind: Kind::Value(flag), ..node });
            joined = Some(match joined {
                None => flag,
                Some(left) => self.tree.add(Node { kind: Kind::Binary(Op::Or, left, flag), bits: 0, ..node }),
            });
        }
        joined.unwrap_or(id)
    }

    /// The key of a map, without a mask that nft added; the map's own keys are shifted to fit.
    fn unmasked_key(&mut self, key: Id, map: Id) -> Id {
        let Kind::Binary(Op::And, left, right) = self.tree.get(key).kind else { return key };
        if !matches!(self.tree.get(left).kind, Kind::Payload(_)) {
            return key;
        }
        let mask = self.tree.get(right);
        match self.narrow(left, &mask) {
            Some(shift) => {
                self.shift_values(left, map, shift);
                self.complete(left);
                self.payload_implies(left);
                left
            }
            None => key,
        }
    }

    /// Shifts what is compared with a narrowed load.
    pub(super) fn shift_values(&mut self, narrowed: Id, values: Id, shift: u32) {
        let bits = self.tree.get(narrowed).bits;
        let node = self.tree.get(values);
        match node.kind {
            Kind::Value(value) => self.tree.set(values, Node { kind: Kind::Value(value >> shift), bits, ..node }),
            Kind::Range(low, high) => {
                self.shift_values(narrowed, low, shift);
                self.shift_values(narrowed, high, shift);
            }
            Kind::Set { set, .. } if set.is_anonymous() => {
                self.tree.set(values, Node { kind: Kind::Set { set, shift }, bits, ..node });
            }
            _ => {}
        }
    }

    fn binary(&mut self, id: Id, op: Op, left: Id, right: Id) -> Id {
        let node = self.tree.get(id);
        let left = self.operand(left);
        let inner = self.tree.get(left);
        match op {
            Op::ShiftLeft | Op::ShiftRight => self.tree.set_type(right, Type::INTEGER, Order::Host),
            _ => self.tree.set_type(right, inner.ty, inner.order),
        }
        if op == Op::And
            && self.in_place
            && matches!(inner.kind, Kind::Payload(_))
            && let mask = self.tree.get(right)
            && mask.value().is_some()
        {
            // In a comparison the mask goes later, because the other side has to be shifted.
            if self.narrow(left, &mask).is_some() {
                self.complete(left);
                self.payload_implies(left);
                return left;
            }
            self.tree.set(id, Node { kind: Kind::Binary(op, left, right), ..node });
            return id;
        }
        let right = self.operand(right);
        self.tree.set(id, Node { kind: Kind::Binary(op, left, right), ty: inner.ty, order: inner.order, ..node });
        id
    }

    /// What an address or port of a connection is depends on the protocols that are known.
    fn connection(&mut self, id: Id, node: Node<'r>, ct: Ct) {
        let (layer, _) = key::ct_layer(ct.key);
        let header = if layer == Layer::None { None } else { self.context.header(layer) };
        match ct.key {
            CtKey::Src | CtKey::Dst => {
                let (ty, family) = match header {
                    Some(h) if h.is(&IP) => (Type::IPADDR, header),
                    Some(h) if h.is(&IP6) => (Type::IP6ADDR, header),
                    _ => (node.ty, None),
                };
                self.tree.set(id, Node { kind: Kind::Ct(Ct { family, ..ct }), ty, bits: ty.bits(), ..node });
            }
            CtKey::ProtoSrc | CtKey::ProtoDst if header.is_some() => {
                self.tree.set(id, Node { ty: Type::INET_SERVICE, ..node });
            }
            _ => {}
        }
    }
}

/// Characters up to the first NUL. Without one, anything may follow.
fn characters(value: u128, bits: u32) -> Chars {
    let len = (bits.div_ceil(8) as usize).min(16);
    let all = value.to_be_bytes();
    let mut bytes = [0; 16];
    let given = all.get(16 - len..).unwrap_or_default();
    for (to, from) in bytes.iter_mut().zip(given) {
        *to = *from;
    }
    let mut len = given.len();
    let ending = match given.last() {
        Some(0) => {
            len = given.iter().position(|b| *b == 0).unwrap_or(len);
            match len.checked_sub(1).and_then(|last| given.get(last)) {
                Some(b'*') => {
                    len -= 1;
                    Ending::Asterisk
                }
                _ => Ending::Nothing,
            }
        }
        _ => Ending::Wildcard,
    };
    Chars { bytes, len: len as u8, ending }
}
