//! Expressions that this version does not know, or not to their last attribute.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown as Blank;
use crate::evaluate::{Context, Decision};
use crate::sys::nft::expr::Unknown;

/// Asks whether it goes on; behind it no register is known.
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Unknown) -> Step {
    let name =
        if e.name.is_empty() { "expression without a name".to_owned() } else { format!("expression {}", e.name) };
    match &e.known {
        Some(known) => {
            if cx.ask(format!("whether an attribute of {name} that is not understood changes it"), &e.raw, false) {
                named(cx, m, &name)
            } else {
                super::eval(cx, m, known)
            }
        }
        None => named(cx, m, &name),
    }
}

/// An expression of which only the name is known: it may do anything.
pub fn named(cx: &mut Context<'_>, m: &mut Machine<'_>, name: &str) -> Step {
    let key = |tail: &str| {
        let mut key = format!("nft {name} {tail}").into_bytes();
        key.extend(m.rule.map_or(0, |r| r.handle).to_ne_bytes());
        key.extend(m.at.to_ne_bytes());
        key
    };
    if !cx.ask(format!("whether {name} matches"), &key("matches"), true) {
        return Step::Break;
    }
    let last = m.at + 1 == m.exprs.len();
    if last && cx.ask(format!("whether {name} decides"), &key("decides"), false) {
        return Step::Verdict(Decision::Unknown(name.to_owned().into()));
    }
    m.regs.forget(Blank::fact(format!("what {name} loaded")));
    Step::Go
}
