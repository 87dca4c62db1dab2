//! `cmp`, `range` and `lookup`

use nfblame_sys::nft::Reg;
use nfblame_sys::nft::expr::{Cmp, CmpOp, Lookup, Range, RangeOp};
use smallvec::SmallVec;

use super::Loader;
use crate::ruleset::render::nft::datatype::{Order, Type};
use crate::ruleset::render::nft::statement::{Relation, Stmt};
use crate::ruleset::render::nft::tree::{Id, Kind, Node};

impl<'r> Loader<'r, '_> {
    pub(super) fn cmp(&mut self, c: &Cmp) -> Option<()> {
        let op = match c.op {
            CmpOp::Eq => Relation::Eq,
            CmpOp::Neq => Relation::Ne,
            CmpOp::Lt => Relation::Lt,
            CmpOp::Lte => Relation::Le,
            CmpOp::Gt => Relation::Gt,
            CmpOp::Gte => Relation::Ge,
            CmpOp::Unknown(_) => return None,
        };
        let loaded = self.peek(c.sreg)?;
        let data = Node::bytes(c.data.as_bytes());
        let (left, right) = if loaded.bits > data.bits && !loaded.ty.is_string() {
            // Fewer bytes than were loaded: the first ones, as a prefix.
            let value = data.value().unwrap_or(0) << (loaded.bits - data.bits).min(127);
            let whole = self.tree.add(Node { kind: Kind::Value(value), bits: loaded.bits, ..data });
            let prefix = Node::new(Kind::Prefix(whole, data.bits), Type::INVALID, Order::Unknown, 0);
            (self.copy(c.sreg)?, self.tree.add(prefix))
        } else if loaded.bits > 0 && loaded.bits < data.bits {
            let left = self.concat(c.sreg, data.bits)?;
            (left, self.split(left, data)?)
        } else {
            (self.copy(c.sreg)?, self.tree.add(data))
        };
        self.push(Stmt::Match { op, left, right });
        Some(())
    }

    /// Splits data into the fields of a concatenation.
    fn split(&mut self, concat: Id, data: Node<'r>) -> Option<Id> {
        let Kind::Concat(list) = self.tree.get(concat).kind else { return None };
        let (mut rest, value) = (data.bits, data.value()?);
        let mut fields: SmallVec<[Id; 8]> = SmallVec::new();
        for n in 0.. {
            let Some(field) = self.tree.nth(list, n) else { break };
            let bits = self.tree.get(field).bits;
            rest = rest.checked_sub(bits)?;
            let part = value >> rest & (u128::MAX >> (128 - bits.clamp(1, 128)));
            fields.push(self.tree.add(Node { kind: Kind::Value(part), bits, ..data }));
            rest = rest.saturating_sub(bits.next_multiple_of(32) - bits);
        }
        let list = self.tree.add_list(&fields);
        Some(self.tree.add(Node::new(Kind::Concat(list), Type::INVALID, Order::Unknown, 0)))
    }

    pub(super) fn range(&mut self, r: &Range) -> Option<()> {
        let op = match r.op {
            RangeOp::Eq => Relation::Eq,
            RangeOp::Neq => Relation::Ne,
            RangeOp::Unknown(_) => return None,
        };
        let left = self.copy(r.sreg)?;
        let (from, to) = (self.tree.add(Node::bytes(r.from.as_bytes())), self.tree.add(Node::bytes(r.to.as_bytes())));
        let right = self.tree.add(Node::new(Kind::Range(from, to), Type::INVALID, Order::Unknown, 0));
        self.push(Stmt::Match { op, left, right });
        Some(())
    }

    pub(super) fn lookup(&mut self, l: &Lookup) -> Option<()> {
        let set = self.set(&l.set)?;
        let key = self.operand(l.sreg, set.key.bits)?;
        match l.dreg {
            Some(Reg::VERDICT) => {
                let map = self.map(key, set, Type::INVALID, Order::Unknown);
                self.push(Stmt::Map(map));
            }
            Some(dreg) => {
                let map = self.map(key, set, Type::INVALID, Order::Unknown);
                let node = self.tree.get(map);
                self.put(dreg, node)?;
            }
            None => {
                let right = self.set_node(set);
                let op = if l.inverted() { Relation::Ne } else { Relation::Eq };
                self.push(Stmt::Match { op, left: key, right });
            }
        }
        Some(())
    }
}
