//! The conditions of one rule, each by itself.

use crate::evaluate::conditions::Conditions;
use crate::evaluate::{Context, Missed};
use crate::ruleset::index::TableIndex;
use crate::ruleset::nft::Table;
use crate::sys::nft::{Expr, Reg, Rule};

use super::describe::writes;
use super::expr;
use super::info::PacketInfo;
use super::machine::{Machine, Step};

/// Holds every condition of a rule, or of its first so many expressions, against the packet, also those behind one that
/// fails. None: the table does not see it.
pub fn conditions(
    cx: &mut Context<'_>,
    table: &Table,
    index: &TableIndex,
    rule: &Rule,
    first: Option<usize>,
) -> Option<Conditions> {
    let mut m = Machine::new(table, index, PacketInfo::new(cx, table.def.family).ok()?);
    (m.exprs, m.rule) = (&rule.exprs, Some(rule));
    let mut all = Conditions::default();
    for (i, e) in rule.exprs.iter().enumerate().take(first.unwrap_or(usize::MAX)) {
        m.at = i;
        let is_condition = matches!(
            e,
            Expr::Cmp(_)
                | Expr::Range(_)
                | Expr::Lookup(_)
                | Expr::Match(_)
                | Expr::Limit(_)
                | Expr::Quota(_)
                | Expr::Connlimit(_)
        );
        let loads = writes(e).is_some_and(|r| r != Reg::VERDICT);
        if !is_condition && !loads {
            continue; // a statement
        }
        match (expr::eval(cx, &mut m, e), is_condition) {
            (Step::Break, true) => all.count(cx, false),
            (_, true) => all.count(cx, true),
            // What is not there cannot be compared: the comparison that follows it fails.
            (Step::Break, false) if cx.missed.is_none() => {
                cx.missed = Some(Missed { field: absent(e).into(), wanted: None, have: Some("none".into()) });
                all.count(cx, false);
            }
            _ => {}
        }
    }
    Some(all)
}

/// What was to be loaded, in a word.
fn absent(e: &Expr) -> &'static str {
    match e {
        Expr::Ct(_) => "ct",
        Expr::Meta(_) => "meta",
        Expr::Payload(_) => "header",
        Expr::Exthdr(_) => "option",
        Expr::Fib(_) => "fib",
        Expr::Socket(_) => "socket",
        _ => "a value",
    }
}
