//! Comparisons.

use smallvec::SmallVec;

use super::Resolver;
use crate::ruleset::render::nft::datatype::Type;
use crate::ruleset::render::nft::header::{ICMP, ICMP6, Layer};
use crate::ruleset::render::nft::key;
use crate::ruleset::render::nft::statement::{Relation, Stmt};
use crate::ruleset::render::nft::tree::{Id, Kind, Node, Op};

impl<'r> Resolver<'r, '_> {
    /// Resolves a comparison, shows it, and says where; nothing if it became several.
    pub(super) fn relation(&mut self, op: Relation, left: Id, right: Id) -> Option<usize> {
        if let Kind::Payload(_) = self.tree.get(left).kind {
            return self.payload_relation(op, left, right);
        }
        let left = self.operand(left);
        let l = self.tree.get(left);
        self.tree.set_type(right, l.ty, l.order);
        let right = self.operand(right);
        let at = self.show(Stmt::Match { op, left, right });
        match l.kind {
            Kind::Meta(k) => self.key_relation(at, op, left, right, key::meta_layer(k).0),
            Kind::Ct(c) => self.key_relation(at, op, left, right, key::ct_layer(c.key).0),
            Kind::Binary(bits, inner, mask) => return self.masked(at, op, (left, bits, inner, mask), right),
            _ => {}
        }
        Some(at)
    }

    /// A comparison with a `meta` or `ct` key may name a header.
    fn key_relation(&mut self, at: usize, op: Relation, left: Id, right: Id, layer: Layer) {
        let (l, r) = (self.tree.get(left), self.tree.get(right));
        if op != Relation::Eq || matches!(r.kind, Kind::Range(..) | Kind::Set { .. }) {
            return;
        }
        if let Some(value) = r.value().filter(|_| l.names_next) {
            match l.kind {
                Kind::Meta(key) => self.context.learn_meta(key, value),
                Kind::Ct(ct) => self.context.learn_ct(ct.key, value),
                _ => {}
            }
        }
        if layer < Layer::Transport {
            if self.named(layer).is_some() && self.meta_replaces(&l, &r) {
                self.leave_out(layer);
            }
            if l.names_next {
                self.remember(at, layer);
            }
        }
    }

    /// A comparison of something in the packet.
    fn payload_relation(&mut self, op: Relation, left: Id, right: Id) -> Option<usize> {
        let r = self.tree.get(right);
        if matches!(op, Relation::Eq | Relation::Ne) {
            match r.kind {
                Kind::Value(value) => {
                    self.expand_relation(op, left, value, &r);
                    return None;
                }
                Kind::Set { set, .. } if set.is_anonymous() => self.learn_from_set(left, set),
                _ => {}
            }
        }
        self.complete(left);
        let l = self.tree.get(left);
        self.tree.set_type(right, l.ty, l.order);
        let at = self.show(Stmt::Match { op, left, right });
        self.payload_implies(left);
        Some(at)
    }

    /// nft merges comparisons of neighbouring fields into one: here they part again.
    fn expand_relation(&mut self, op: Relation, left: Id, value: u128, right: &Node<'r>) {
        let Kind::Payload(p) = self.tree.get(left).kind else { return };
        let mut layer = p.layer;
        let mut rest = right.bits;
        for part in self.expand(left) {
            let l = self.tree.get(part);
            let Some(below) = rest.checked_sub(l.bits) else { break };
            rest = below;
            let own = value >> rest.min(127) & (u128::MAX >> (128 - l.bits.clamp(1, 128)));
            let Kind::Payload(place) = l.kind else { break };
            let whole = place.header.fields.get(place.field).map_or(l.bits, |f| f.bits.max(l.bits));
            let number =
                Node { kind: Kind::Value(own << (whole - l.bits)), ty: l.ty, order: l.order, bits: whole, ..*right };
            let number = self.tree.add(number);
            let right = match whole == l.bits {
                true => number,
                false => self.tree.add(Node::new(Kind::Prefix(number, l.bits), Type::INVALID, l.order, 0)),
            };
            let names_next = l.names_next && op == Relation::Eq;
            if names_next && whole == l.bits {
                self.context.learn_payload(&place, own);
            }
            let at = self.show(Stmt::Match { op, left: part, right });
            if names_next && self.is_stacked(layer, own) {
                layer = layer.below();
            }
            self.payload_implies(part);
            if names_next {
                self.remember(at, layer);
            }
        }
    }

    /// Does that number announce a header on the same layer?
    fn is_stacked(&self, layer: Layer, number: u128) -> bool {
        let header = self.context.header(layer).filter(|_| layer == Layer::Link);
        header.and_then(|h| h.next(number as u16 as u32)).is_some_and(|next| next.layer == layer)
    }

    /// Which ICMP message it is follows from the first element of a set of types.
    fn learn_from_set(&mut self, left: Id, set: &crate::ruleset::render::nft::set::SetView<'r>) {
        let l = self.tree.get(left);
        let Kind::Payload(p) = l.kind else { return };
        let icmp = self.context.header(Layer::Transport).is_some_and(|h| h.is(&ICMP) || h.is(&ICMP6));
        if p.layer == Layer::Transport
            && l.bits == 8
            && p.offset == 0
            && icmp
            && self.context.icmp_type == 0
            && let Some(first) = set.first_byte()
        {
            self.context.icmp_type = first;
        }
    }

    /// A comparison of bits: flags, a prefix, or a field that is less than a byte.
    fn masked(&mut self, at: usize, op: Relation, left: (Id, Op, Id, Id), right: Id) -> Option<usize> {
        let (whole, bits, inner, mask) = left;
        let (i, m, r) = (self.tree.get(inner), self.tree.get(mask), self.tree.get(right));
        let equality = matches!(op, Relation::Eq | Relation::Ne);
        let stmt = if bits == Op::And && equality && r.ty.is_flags() {
            let list = |this: &mut Self, id| this.flag_list(id);
            match (r.kind, m.value()) {
                (Kind::Value(0), _) => {
                    let op = if op == Relation::Ne { Relation::AnyOf } else { Relation::NoneOf };
                    let right = list(self, mask);
                    Stmt::Match { op, left: inner, right }
                }
                (Kind::Value(value), Some(mask)) if value == mask => return Some(at),
                (Kind::Value(_), _) => {
                    let mask = list(self, mask);
                    Stmt::FlagMatch { negated: op == Relation::Ne, flags: inner, value: right, mask }
                }
                (Kind::Binary(..), _) => {
                    let (mask, value) = (list(self, mask), list(self, right));
                    Stmt::FlagMatch { negated: op == Relation::Ne, flags: inner, value, mask }
                }
                _ => return Some(at),
            }
        } else if bits == Op::And
            && i.ty.info().prefix
            && matches!(r.kind, Kind::Value(_))
            && let Some(len) = m.value().and_then(|mask| prefix_of_mask(mask, m.bits))
        {
            let right = self.tree.add(Node::new(Kind::Prefix(right, len), Type::INVALID, r.order, 0));
            Stmt::Match { op, left: inner, right }
        } else if bits == Op::And && m.value().is_some() {
            let Some(shift) = self.narrow(inner, &m) else { return Some(at) };
            self.shift_values(inner, right, shift);
            if let Kind::Payload(_) = self.tree.get(inner).kind {
                // Said anew below.
                if let Some(shown) = self.shown.get_mut(at) {
                    *shown = None;
                }
                return self.payload_relation(op, inner, right);
            }
            let i = self.tree.get(inner);
            self.tree.set_type(right, i.ty, i.order);
            Stmt::Match { op, left: inner, right }
        } else if bits == Op::ShiftRight
            && let Some(by) = m.value()
            && let Kind::Binary(Op::And, load, inner_mask) = i.kind
            && let inner_mask = self.tree.get(inner_mask)
            && inner_mask.value().is_some()
            && let Some(shift) = self.narrow(load, &inner_mask)
        {
            self.complete(load);
            self.payload_implies(load);
            let by = by >> shift;
            let left = if by == 0 {
                load
            } else {
                self.tree.set(mask, Node { kind: Kind::Value(by), ..m });
                let node = self.tree.get(whole);
                self.tree.set(whole, Node { kind: Kind::Binary(bits, load, mask), ..node });
                whole
            };
            Stmt::Match { op, left, right }
        } else {
            return Some(at);
        };
        if let Some(shown) = self.shown.get_mut(at) {
            *shown = Some(stmt);
        }
        Some(at)
    }

    /// Flags joined by `|` as a list; a single one as it is.
    pub(super) fn flag_list(&mut self, id: Id) -> Id {
        fn collect(resolver: &Resolver<'_, '_>, id: Id, flags: &mut SmallVec<[Id; 8]>) {
            match resolver.tree.get(id).kind {
                Kind::Binary(Op::Or, left, right) => {
                    collect(resolver, left, flags);
                    collect(resolver, right, flags);
                }
                _ => flags.push(id),
            }
        }
        let Kind::Binary(Op::Or, ..) = self.tree.get(id).kind else { return id };
        let mut flags = SmallVec::new();
        collect(self, id, &mut flags);
        let list = self.tree.add_list(&flags);
        let node = self.tree.get(id);
        self.tree.add(Node::new(Kind::List(list), Type::INVALID, node.order, 0))
    }

    /// Two comparisons that make a range: `>= a` and `<= b`, or `< a` and `> b`.
    pub(super) fn join_range(&mut self, at: usize) -> usize {
        let both = self.implied.previous.and_then(|p| Some((p, *self.shown.get(p)?.as_ref()?)));
        let Some((previous, Stmt::Match { op: first, left: before, right: low })) = both else { return at };
        let Some(&Some(Stmt::Match { op: second, left, right: high })) = self.shown.get(at) else { return at };
        let op = match (first, second) {
            (Relation::Ge, Relation::Le) => Relation::Eq,
            (Relation::Lt, Relation::Gt) => Relation::Ne,
            _ => return at,
        };
        let bare = |id| match self.tree.get(id).kind {
            Kind::Swap(arg) => self.tree.get(arg).kind,
            kind => kind,
        };
        if std::mem::discriminant(&bare(before)) != std::mem::discriminant(&bare(left)) {
            return at;
        }
        let right = self.tree.add(Node::new(Kind::Range(low, high), Type::INVALID, self.tree.get(high).order, 0));
        if let Some(shown) = self.shown.get_mut(previous) {
            *shown = None;
        }
        if let Some(shown) = self.shown.get_mut(at) {
            *shown = Some(Stmt::Match { op, left, right });
        }
        at
    }
}

/// The length of the prefix that a mask is, if it is one.
fn prefix_of_mask(mask: u128, bits: u32) -> Option<u32> {
    if mask == 0 {
        return Some(0);
    }
    let low = mask.trailing_zeros();
    let high = low + (!(mask >> low)).trailing_zeros();
    (high >= bits).then_some(high - low)
}
