//! `dynset`

use nfblame_sys::nft::expr::{Dynset, DynsetOp};

use super::Loader;
use crate::ruleset::render::nft::datatype::{Order, Type};
use crate::ruleset::render::nft::statement::{Stmt, is_stateful};
use crate::ruleset::render::nft::tree::{Id, Kind, Node};

impl<'r> Loader<'r, '_> {
    pub(super) fn dynset(&mut self, d: &'r Dynset) -> Option<()> {
        if let DynsetOp::Unknown(_) = d.op {
            return None;
        }
        self.complete &= d.exprs.iter().all(is_stateful);
        let set = self.set(&d.set)?;
        let key = self.operand(d.key, set.key.bits)?;
        if let Kind::Concat(list) = self.tree.get(key).kind {
            // What is joined gets the types of the set's key.
            for (n, ty) in set.key.ty.fields().enumerate() {
                if let Some(field) = self.tree.nth(list, n).filter(|_| ty != Type::INVALID) {
                    self.tree.set_type(field, ty, ty.order());
                }
            }
        }
        let node = self.tree.get(key);
        let key = Node::new(Kind::Element(key, d.timeout.unwrap_or(0)), node.ty, node.order, node.bits);
        let key = self.tree.add(key);
        let data: Option<Id> = match (d.data, &set.data) {
            (Some(reg), Some(datum)) => {
                let data = self.operand(reg, datum.bits)?;
                self.tree.set_type(data, datum.ty, datum.order);
                Some(data)
            }
            (Some(reg), None) => Some(self.typed_as_is(reg)?),
            (None, _) => None,
        };
        self.push(match (data, d.exprs.as_slice()) {
            (None, [expr, ..]) if set.is_anonymous() => Stmt::Meter { set, key, expr },
            (data, exprs) => Stmt::Update { op: d.op, set, key, exprs, data },
        });
        Some(())
    }

    fn typed_as_is(&mut self, reg: nfblame_sys::nft::Reg) -> Option<Id> {
        let data = self.copy(reg)?;
        self.tree.set_type(data, Type::INVALID, Order::Unknown);
        Some(data)
    }
}
