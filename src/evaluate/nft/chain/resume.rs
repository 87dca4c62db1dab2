//! Going on behind a rule that logged the packet, in the middle of it.

use crate::evaluate::Context;
use crate::evaluate::nft::describe::writes;
use crate::evaluate::nft::expr;
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::traversal::Ended;
use crate::sys::nft::{Expr, Rule};

use super::{Act, Walk};

impl<'t> Walk<'t, '_> {
    /// Goes on behind an expression of the present rule.
    pub(super) fn resume(&mut self, cx: &mut Context<'_>, expr: usize) -> Option<Ended> {
        let Some(rule) = self.present() else { return self.back(cx) };
        self.reload(cx, rule, expr);
        let step = self.try_rule(cx, rule, expr + 1);
        match self.act(cx, step) {
            Act::Next | Act::Elsewhere => None,
            Act::End(ended) => Some(ended),
        }
    }

    /// Loads the registers again that expressions up to this one have loaded. What a rule has changed since then it
    /// has read before.
    fn reload(&mut self, cx: &mut Context<'_>, rule: &'t Rule, last: usize) {
        (self.m.exprs, self.m.rule) = (&rule.exprs, Some(rule));
        for (i, e) in rule.exprs.iter().enumerate().take(last) {
            self.m.at = i;
            match e {
                Expr::Immediate(_)
                | Expr::Payload(_)
                | Expr::Meta(_)
                | Expr::Ct(_)
                | Expr::Exthdr(_)
                | Expr::Bitwise(_)
                | Expr::Byteorder(_)
                | Expr::Fib(_)
                | Expr::Rt(_)
                | Expr::Socket(_)
                | Expr::Hash(_)
                | Expr::Inner(_) => {
                    expr::eval(cx, &mut self.m, e);
                }
                Expr::MetaSet(_) | Expr::CtSet(_) | Expr::PayloadSet(_) | Expr::ExthdrSet(_) | Expr::ExthdrStrip(_) => {
                    self.m.regs.forget(Unknown::fact("what the rule loaded before it changed the packet"));
                }
                e => {
                    if let Some(reg) = writes(e) {
                        let what = Unknown::fact("what the rule loaded before it logged").changed(i);
                        self.m.regs.write_unknown(reg, 64, what);
                    }
                }
            }
        }
    }
}
