//! `bitwise`

use nfblame_sys::nft::expr::{Bitwise, BitwiseOp, Operand};

use super::Loader;
use crate::ruleset::render::nft::tree::{Id, Kind, Node, Op};

impl<'r> Loader<'r, '_> {
    pub(super) fn bitwise(&mut self, b: &Bitwise) -> Option<()> {
        let left = self.copy(b.sreg)?;
        let result = match &b.op {
            BitwiseOp::MaskXor { mask, xor } => {
                self.mask_xor(left, Node::bytes(mask.as_bytes()), Node::bytes(xor.as_bytes()))?
            }
            BitwiseOp::ShiftLeft(by) => self.shift(Op::ShiftLeft, left, *by),
            BitwiseOp::ShiftRight(by) => self.shift(Op::ShiftRight, left, *by),
            BitwiseOp::And(operand) => self.combine(Op::And, left, operand)?,
            BitwiseOp::Or(operand) => self.combine(Op::Or, left, operand)?,
            BitwiseOp::Xor(operand) => self.combine(Op::Xor, left, operand)?,
        };
        let node = self.tree.get(result);
        self.put(b.dreg, node)
    }

    /// `(left & mask) ^ xor`, said with `&`, `^` and `|`: a bit that is cleared and then flipped is a bit that is set.
    fn mask_xor(&mut self, left: Id, mask: Node<'r>, xor: Node<'r>) -> Option<Id> {
        let (m, x) = (mask.value()?, xor.value()?);
        let set = x & !m;
        let (m, x) = (m | set, x & m);
        let loaded = self.tree.get(left).bits;
        let mut result = left;
        if loaded == 0 || m.trailing_ones() != loaded {
            result = self.binary(Op::And, result, Node { kind: Kind::Value(m), ..mask });
        }
        if x != 0 {
            result = self.binary(Op::Xor, result, Node { kind: Kind::Value(x), ..xor });
        }
        if set != 0 {
            result = self.binary(Op::Or, result, Node { kind: Kind::Value(set), ..xor });
        }
        Some(result)
    }

    fn binary(&mut self, op: Op, left: Id, right: Node<'r>) -> Id {
        let right = self.tree.add(right);
        let l = self.tree.get(left);
        self.tree.add(Node::new(Kind::Binary(op, left, right), l.ty, l.order, l.bits))
    }

    fn shift(&mut self, op: Op, left: Id, by: u32) -> Id {
        self.binary(op, left, Node::bytes(&by.to_ne_bytes()))
    }

    fn combine(&mut self, op: Op, left: Id, operand: &Operand) -> Option<Id> {
        match operand {
            Operand::Data(d) => Some(self.binary(op, left, Node::bytes(d.as_bytes()))),
            Operand::Reg(reg) => {
                let right = self.copy(*reg)?;
                let l = self.tree.get(left);
                Some(self.tree.add(Node::new(Kind::Binary(op, left, right), l.ty, l.order, l.bits)))
            }
        }
    }
}
