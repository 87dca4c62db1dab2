//! `lookup`: the rule goes on if the set has the key, or has not; a map gives data or a verdict.

use crate::evaluate::nft::describe;
use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::nft::sets::{self, Found};
use crate::evaluate::{Context, Decision};
use crate::ruleset::nft::Set;
use crate::sys::nft::expr::{Expr, Lookup};
use crate::sys::nft::{Element, Reg, Value};

use super::immediate::verdict;
use super::stateful;

/// `nft_lookup_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Lookup) -> Step {
    let Some((set, index)) = m.set(&e.set) else {
        let key = [b"nft missing ", e.set.as_bytes()].concat();
        let found = cx.ask(sets::missing(&e.set), &key, true);
        if found && let Some(dreg) = e.dreg {
            return unlisted(m, dreg, &e.set.to_string(), 64);
        }
        return Step::when(found);
    };
    let found = sets::search(cx, m, (set, index), e.sreg);
    if (found == Found::Nothing) != e.inverted() {
        describe::miss(cx, m, e.sreg, set.def.key_len as usize, || describe::Wanted::Lookup(e, set));
        return Step::Break;
    }
    match found {
        Found::Nothing => Step::Go,
        Found::Element(i) => match set.elements.get(i) {
            Some(element) => hit(cx, m, e, set, element),
            None => Step::Go,
        },
        Found::Unlisted => {
            let step = match e.dreg {
                Some(dreg) => unlisted(m, dreg, &set.def.name.to_string(), set.def.data_len.unwrap_or(64) as usize),
                None => Step::Go,
            };
            then(cx, m, step, &set.def.exprs)
        }
    }
}

/// An element was found: its data, then its expressions.
fn hit(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Lookup, set: &Set, element: &Element) -> Step {
    let step = match (e.dreg, &element.value) {
        (None, _) => Step::Go,
        (Some(_), Some(Value::Verdict(v))) => verdict(v),
        (Some(dreg), Some(Value::Data(data))) => {
            m.regs.write(dreg, data.as_bytes());
            Step::Go
        }
        (Some(dreg), None) => unlisted(m, dreg, &set.def.name.to_string(), set.def.data_len.unwrap_or(64) as usize),
    };
    let extra = element.extra();
    if !extra.unread.is_empty() {
        let what = format!("an attribute of an element of set {} that is not understood", set.def.name);
        if !cx.ask(what, &[b"nft unread ", element.key.as_bytes()].concat(), true) {
            return Step::Break;
        }
    }
    then(cx, m, step, &extra.exprs)
}

/// The data of an element that was not read.
fn unlisted(m: &mut Machine<'_>, dreg: Reg, set: &str, len: usize) -> Step {
    if dreg == Reg::VERDICT {
        return Step::Verdict(Decision::Unknown(format!("what map {set} had for this packet").into()));
    }
    m.regs.write_unknown(dreg, len, Unknown::fact(format!("what map {set} had for this packet")));
    Step::Go
}

/// The expressions of an element run last (`nft_set_elem_update_expr`); a broken limit undoes a verdict.
fn then(cx: &mut Context<'_>, m: &mut Machine<'_>, step: Step, exprs: &[Expr]) -> Step {
    match stateful::all(cx, m, exprs) {
        Step::Go => step,
        other => other,
    }
}
