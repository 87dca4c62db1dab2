//! Statements: their operands, and what they tell about the comparisons before them.

use nfblame_sys::nft::Family;
use nfblame_sys::nft::expr::{CtKey, RejectKind};

use super::{Dependencies, Resolver};
use crate::ruleset::render::nft::header::{IP, IP6, Layer, UNKNOWN};
use crate::ruleset::render::nft::statement::{Reject, Stmt};
use crate::ruleset::render::nft::tree::{Id, Kind, Node, Op, Payload};

impl<'r> Resolver<'r, '_> {
    /// Resolves a statement and shows it. Says where, if it is a comparison that a later one may join.
    pub(super) fn statement(&mut self, stmt: Stmt<'r>) -> Option<usize> {
        let optional = |this: &mut Self, id: Option<Id>| id.map(|id| this.operand(id));
        let stmt = match stmt {
            Stmt::Match { op, left, right } => {
                let at = self.relation(op, left, right)?;
                return Some(self.join_range(at));
            }
            Stmt::Map(id) => {
                let id = self.operand(id);
                return Some(self.show(Stmt::Map(id)));
            }
            Stmt::Write { to, value } => self.write(to, value),
            Stmt::MetaSet { key, value } => Stmt::MetaSet { key, value: self.operand(value) },
            Stmt::CtSet { key, direction, value } => {
                let mut value = self.operand(value);
                if key == CtKey::Event {
                    value = self.flag_list(value);
                }
                Stmt::CtSet { key, direction, value }
            }
            Stmt::Nat(mut nat) => {
                nat.addr = optional(self, nat.addr);
                if let Some(port) = nat.port {
                    self.implied = Dependencies::default();
                    nat.port = Some(self.operand(port));
                }
                Stmt::Nat(nat)
            }
            Stmt::Tproxy { family, addr, port } => {
                let addr = optional(self, addr);
                if port.is_some() {
                    self.implied = Dependencies::default();
                }
                Stmt::Tproxy { family, addr, port: optional(self, port) }
            }
            Stmt::Reject(reject) => Stmt::Reject(self.reject(reject)),
            Stmt::Update { op, set, key, exprs, data } => {
                let key = self.operand(key);
                Stmt::Update { op, set, key, exprs, data: optional(self, data) }
            }
            Stmt::Meter { set, key, expr } => Stmt::Meter { set, key: self.operand(key), expr },
            Stmt::Dup { to, dev } => {
                let to = optional(self, to);
                Stmt::Dup { to, dev: optional(self, dev) }
            }
            Stmt::Fwd { dev, to } => {
                let dev = self.operand(dev);
                Stmt::Fwd { dev, to: to.map(|(family, id)| (family, self.operand(id))) }
            }
            Stmt::Object { kind, name } => Stmt::Object { kind, name: self.operand(name) },
            Stmt::Queue { target, flags } => {
                let plain = matches!(self.tree.get(target).kind, Kind::Value(_) | Kind::Range(..));
                Stmt::Queue { target: if plain { target } else { self.operand(target) }, flags }
            }
            Stmt::Xt(xt) => Stmt::Xt(xt.in_rule(self.context.family, self.context.header(Layer::Transport))),
            other => other,
        };
        self.show(stmt);
        None
    }

    /// `reject` answers in the protocol of the packet, so it may imply that the packet has it.
    fn reject(&mut self, reject: Reject) -> Reject {
        match self.context.family {
            family @ (Family::Ip | Family::Ip6) => {
                if reject.kind == RejectKind::TcpRst {
                    self.leave_out(Layer::Transport);
                }
                Reject { family: Some(family), ..reject }
            }
            Family::Inet | Family::Bridge | Family::Netdev => {
                if reject.kind == RejectKind::IcmpxUnreach {
                    return reject;
                }
                let link = self.context.header(Layer::Link);
                let network = self.context.header(Layer::Network);
                let announced = link.zip(network).filter(|(link, network)| link.number_of(network).is_some());
                let family = match announced {
                    Some((_, h)) if h.is(&IP) => Some(Family::Ip),
                    Some((_, h)) if h.is(&IP6) => Some(Family::Ip6),
                    _ => None,
                };
                self.leave_out(Layer::Network);
                Reject { family, verbose: true, ..reject }
            }
            _ => reject,
        }
    }

    /// A write to the packet. To write less than a byte, nft reads the bytes, clears the bits and sets them.
    fn write(&mut self, to: Id, value: Id) -> Stmt<'r> {
        let Kind::Payload(_) = self.tree.get(to).kind else { return Stmt::Write { to, value } };
        self.complete(to);
        let (mut to, mut value) = (to, value);
        if !self.is_known(to)
            && let Some((field, new)) = self.masked_write(to, value)
        {
            (to, value) = (field, new);
        }
        let to = self.operand(to);
        let t = self.tree.get(to);
        self.tree.set_type(value, t.ty, t.order);
        let value = self.operand(value);
        Stmt::Write { to, value }
    }

    fn is_known(&self, id: Id) -> bool {
        matches!(self.tree.get(id).kind, Kind::Payload(p) if !p.header.is(&UNKNOWN))
    }

    /// The field that is written and its new value, if the value is that of the bytes around it with some bits changed.
    fn masked_write(&mut self, to: Id, value: Id) -> Option<(Id, Id)> {
        let Kind::Binary(op, left, right) = self.tree.get(value).kind else { return None };
        let l = self.tree.get(left);
        let set = self.tree.get(right).value()?;
        match (l.kind, op) {
            // Some bits cleared, then some set.
            (Kind::Binary(Op::And, load, kept), Op::Or) => {
                let (Kind::Payload(from), Kind::Payload(written)) = (self.tree.get(load).kind, self.tree.get(to).kind)
                else {
                    return None;
                };
                if !same_place(&from, &written) {
                    return None;
                }
                let kept = self.tree.get(kept);
                let all = all_bits(self.tree.get(load).bits);
                // Bits that are kept are not written, nor are those that are set anyway counted twice.
                let written = all ^ kept.value()? ^ set;
                let shift = self.narrow(load, &Node { kind: Kind::Value(written), ..kept })?;
                self.shift_values(load, right, shift);
                self.complete(load);
                self.payload_implies(load);
                self.is_known(load).then_some((load, right))
            }
            (Kind::Payload(_), Op::And | Op::Or) => {
                let mask = match op {
                    Op::And => all_bits(l.bits) ^ set,
                    _ => set,
                };
                let m = self.tree.get(right);
                self.tree.set(right, Node { kind: Kind::Value(mask), ..m });
                let m = self.tree.get(right);
                if let Some(shift) = self.narrow(left, &m) {
                    self.shift_values(left, right, shift);
                    self.complete(left);
                }
                if !self.is_known(left) {
                    return None;
                }
                if op == Op::And {
                    // All bits of the field cleared: it is set to 0.
                    let m = self.tree.get(right);
                    self.tree.set(right, Node { kind: Kind::Value(0), ..m });
                }
                Some((left, right))
            }
            _ => None,
        }
    }
}

fn same_place(a: &Payload, b: &Payload) -> bool {
    a.header.is(b.header) && a.field == b.field && a.layer == b.layer && a.offset == b.offset
}

fn all_bits(bits: u32) -> u128 {
    u128::MAX >> (128 - bits.clamp(1, 128))
}
