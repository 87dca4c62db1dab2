//! `dynset`: a rule that changes a set (`add @set { … }`, meters).

use crate::evaluate::nft::machine::{Machine, Step, Taken};
use crate::evaluate::nft::sets;
use crate::evaluate::{Context, Effect, Fact};
use crate::ruleset::nft::Set;
use crate::sys::nft::expr::{Dynset, DynsetFlags, DynsetOp};

use super::stateful;

/// `nft_dynset_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Dynset) -> Step {
    let inverted = e.flags.contains(DynsetFlags::INV);
    let indexed = m.set(&e.set);
    let len = indexed.map_or(4, |(set, _)| set.def.key_len as usize);
    let key = match m.take(cx, e.key, len) {
        Taken::Bytes(b) => Some(b.to_vec()),
        Taken::Unknown(_) => None,
        Taken::Nothing => return Step::Break,
    };
    let table = (m.table.def.family, &m.table.def.name);
    if e.op == DynsetOp::Delete {
        cx.effects.push(Effect::State(format!("delete @{}", e.set).into()));
        cx.nft.note(table, &e.set, key.as_deref(), false);
        return Step::Go;
    }
    let Some((set, index)) = indexed else {
        return Step::when(cx.ask(sets::missing(&e.set), &[b"nft missing ", e.set.as_bytes()].concat(), true));
    };
    let there = key.as_ref().is_some_and(|k| index.find(set, k, |_| true).is_some());
    if !there && is_full(cx, set) {
        return Step::when(inverted);
    }
    cx.effects.push(Effect::State(format!("{} @{}", e.op, e.set).into()));
    cx.nft.note(table, &e.set, key.as_deref(), true);
    let exprs = if e.exprs.is_empty() { &set.def.exprs } else { &e.exprs };
    match stateful::all(cx, m, exprs) {
        Step::Go => Step::when(!inverted),
        other => other,
    }
}

/// Was there no room for another element? Then the rule does not go on.
fn is_full(cx: &mut Context<'_>, set: &Set) -> bool {
    let Some(size) = set.def.size.filter(|&s| s > 0) else { return false };
    let full = set.elements.len() >= size as usize;
    if cx.env.since_ruleset() == Fact::Is(0) {
        return full;
    }
    let key = [b"nft full ", set.def.name.as_bytes()].concat();
    cx.ask(format!("whether set {} was full", set.def.name), &key, full)
}
