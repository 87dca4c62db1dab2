//! Looking a register up in a set, as it was when the packet passed.

use std::borrow::Cow;

use crate::evaluate::{Context, Fact};
use crate::ruleset::index::SetIndex;
use crate::ruleset::nft::Set;
use crate::sys::nft::{Element, Reg, SetFlags, Value};

use super::machine::Machine;
use super::memory::Changed;
use super::registers::Unknown;

/// How exactly an element's remaining time is known, in milliseconds: clock ticks, and the time a dump takes.
const SLACK: i64 = 100;
/// How many different results of a map are told apart when the key is not known.
const MANY: usize = 32;
/// How many numbers a key of known bounds may be for each to be tried.
const DOMAIN: u64 = 4096;

/// What a lookup finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// This element.
    Element(usize),
    /// Something that is not among the elements that were read.
    Unlisted,
    /// Nothing.
    Nothing,
}

/// A set with its index.
pub type Indexed<'t> = (&'t Set, &'t SetIndex);

/// Looks up what the register holds (`nft_set_do_lookup`, `nft_set_catchall_lookup`).
pub fn search(cx: &mut Context<'_>, m: &Machine<'_>, (set, index): Indexed<'_>, reg: Reg) -> Found {
    let len = set.def.key_len as usize;
    match m.regs.read(reg, len) {
        Some(key) => by_key(cx, m, (set, index), key),
        None => unknown_key(cx, m, (set, index), reg, len),
    }
}

/// May rules have changed the set between the packet and the reading?
fn is_moving(cx: &Context<'_>, set: &Set) -> bool {
    set.def.flags.contains(SetFlags::EVAL) && cx.env.since_ruleset() != Fact::Is(0)
}

/// Looks up a known key.
pub fn by_key(cx: &mut Context<'_>, m: &Machine<'_>, (set, index): Indexed<'_>, key: &[u8]) -> Found {
    let table = (m.table.def.family, &m.table.def.name);
    let changed = if cx.nft.is_empty() { Changed::No } else { cx.nft.of(table, &set.def.name, key) };
    let mut found = match changed {
        Changed::Deleted => None,
        _ => index.find(set, key, |i| is_alive(cx, set, i as usize)),
    };
    if found.is_none() && changed != Changed::Added {
        found = index.catchall().filter(|&i| is_alive(cx, set, i as usize));
    }
    let found = found.map(|i| i as usize);
    match changed {
        Changed::Added => return found.map_or(Found::Unlisted, Found::Element),
        Changed::Perhaps => {
            let what = format!("whether a rule before changed this key of set {}", set.def.name);
            if cx.ask(what, b"", false) {
                return if found.is_some() { Found::Nothing } else { Found::Unlisted };
            }
        }
        Changed::Deleted => return found.map_or(Found::Nothing, Found::Element),
        Changed::No if is_moving(cx, set) || !set.def.unread.is_empty() => {
            let what = format!("set {} at the time of the packet", set.def.name);
            let id = [set.def.name.as_bytes(), b" nft has ", key].concat();
            if cx.ask(what, &id, found.is_some()) != found.is_some() {
                return if found.is_some() { Found::Nothing } else { Found::Unlisted };
            }
        }
        Changed::No => {}
    }
    found.map_or(Found::Nothing, Found::Element)
}

/// Had the element not expired when the packet passed?
fn is_alive(cx: &mut Context<'_>, set: &Set, i: usize) -> bool {
    let Some(element) = set.elements.get(i) else { return false };
    let Some(extra) = element.extra.as_deref() else { return true };
    let Some(left) = extra.expiration else { return true };
    let left = i64::try_from(left).unwrap_or(i64::MAX);
    match cx.env.since_ruleset() {
        Fact::Is(0) => return left > 0,
        Fact::Is(later) if later > 0 && left.saturating_sub(SLACK) > later => return true,
        Fact::Is(later) if later > 0 && left.saturating_add(SLACK) < later => return false,
        Fact::Is(later) if later < 0 => {
            // It was there already, if it was added or prolonged before the packet came.
            let lives = extra.timeout.or(set.def.timeout).and_then(|t| i64::try_from(t).ok());
            if lives.is_some_and(|l| l.saturating_sub(left).saturating_sub(SLACK) > later.saturating_neg()) {
                return true;
            }
        }
        _ => {}
    }
    // The ends of an interval expire together.
    let what = format!("an element of set {} with a timeout", set.def.name);
    let id = [set.def.name.as_bytes(), b" nft alive ", &left.to_ne_bytes()].concat();
    cx.ask(what, &id, left > 0)
}

/// Data or verdict, object, and whether there are expressions to run.
type Given<'s> = (Option<&'s Value>, Option<&'s [u8]>, bool);

/// What an element gives: equal results need not be told apart.
fn result(set: &Set, i: usize) -> Option<Given<'_>> {
    let e = set.elements.get(i)?;
    let extra = e.extra();
    Some((e.value.as_ref(), extra.object.as_ref().map(|o| o.as_bytes()), !extra.exprs.is_empty()))
}

/// Asks for each result that the lookup may have.
fn unknown_key(cx: &mut Context<'_>, m: &Machine<'_>, indexed: Indexed<'_>, reg: Reg, len: usize) -> Found {
    let (set, index) = indexed;
    let unknown = m.regs.unknown(reg, len);
    let mut outcomes: Vec<Found> = Vec::new();
    let add = |found: Found, outcomes: &mut Vec<Found>| {
        let same = |o: &Found| match (*o, found) {
            (Found::Element(a), Found::Element(b)) => result(set, a) == result(set, b),
            (a, b) => a == b,
        };
        if !outcomes.iter().any(same) {
            outcomes.push(found);
        }
    };
    let certain_domain = match domain(&unknown, len) {
        Some(keys) => {
            for key in keys {
                add(by_key(cx, m, indexed, &key), &mut outcomes);
            }
            true
        }
        None => {
            for (i, e) in set.elements.iter().enumerate() {
                if !e.is_catchall() && !e.is_interval_end() && possible(m, reg, len, set, e) {
                    add(Found::Element(i), &mut outcomes);
                }
                if outcomes.len() > MANY {
                    break;
                }
            }
            if is_moving(cx, set) {
                add(Found::Unlisted, &mut outcomes);
            }
            let otherwise = index.catchall().map_or(Found::Nothing, |i| Found::Element(i as usize));
            add(otherwise, &mut outcomes);
            false
        }
    };
    // Nothing, or the catch-all element, is the last resort and needs no question of its own.
    let Some(last) = outcomes.pop() else { return Found::Nothing };
    if outcomes.len() > MANY {
        return Found::Unlisted;
    }
    for outcome in outcomes {
        let tag = match outcome {
            Found::Element(i) => format!("{} {:?}", set.def.name, result(set, i)),
            other => format!("{} {other:?}", set.def.name),
        };
        if m.ask(cx, reg, len, b"finds", tag.as_bytes(), certain_domain) {
            return outcome;
        }
    }
    last
}

/// All keys that an unknown number of known bounds may be.
fn domain(unknown: &Unknown, len: usize) -> Option<impl Iterator<Item = Vec<u8>> + use<>> {
    let b = unknown.bounds.filter(|b| b.width == len && b.high.saturating_sub(b.low) < DOMAIN)?;
    Some((b.low..=b.high).map(move |n| match (b.width, b.network) {
        (4, true) => (n as u32).to_be_bytes().to_vec(),
        (4, false) => (n as u32).to_ne_bytes().to_vec(),
        (_, true) => n.to_be_bytes().to_vec(),
        (_, false) => n.to_ne_bytes().to_vec(),
    }))
}

/// Could the register, so far as it is known, be the key of that element?
fn possible(m: &Machine<'_>, reg: Reg, len: usize, set: &Set, e: &Element) -> bool {
    let known: Vec<Option<[u8; 4]>> = m.regs.words(reg, len).collect();
    let last = match &e.key_end {
        Some(last) => last,
        None if set.def.flags.contains(SetFlags::INTERVAL) => return true,
        None => &e.key,
    };
    // Field by field; a field counts if all of its words are known.
    let whole = [set.def.key_len];
    let fields: &[u32] = if set.def.fields.is_empty() { &whole } else { &set.def.fields };
    let mut at = 0usize;
    for &field in fields {
        let field = field as usize;
        let words = known.get(at / 4..(at + field).div_ceil(4)).unwrap_or(&[]);
        let from = e.key.as_bytes().get(at..at + field);
        let to = last.as_bytes().get(at..at + field);
        if let (Some(from), Some(to), Some(bytes)) = (from, to, words.iter().copied().collect::<Option<Vec<_>>>()) {
            let value = bytes.concat();
            let value = value.get(..field).unwrap_or(&value);
            if value < from || value > to {
                return false;
            }
        } else if from == to
            && let Some(from) = from
            && words.iter().zip(from.chunks(4)).any(|(w, f)| w.is_some_and(|w| w.get(..f.len()) != Some(f)))
        {
            return false;
        }
        at += field.next_multiple_of(4);
    }
    true
}

/// What a question about a set that is not in the ruleset is called.
pub fn missing(name: &crate::sys::Text) -> Cow<'static, str> {
    format!("set {name}, which was not read").into()
}
