//! The conditions that a rule cannot do without.

use smallvec::SmallVec;

use crate::evaluate::candidates::{Key, Wanted};
use crate::evaluate::nft::describe::writes;
use crate::ruleset::nft::Set;
use crate::sys::nft::expr::{BitwiseOp, CmpOp, Lookup, RangeOp};
use crate::sys::nft::{Expr, Reg, Rule, SetFlags};

use super::load::{Load, Loads, WIDE, number};

/// Larger sets are asked as they are.
const SMALL_SET: usize = 16;

/// Matches of xtables that only look: they neither drop by themselves nor change anything.
const LOOKING: &[&[u8]] =
    &[b"comment", b"conntrack", b"limit", b"state", b"mark", b"addrtype", b"pkttype", b"owner", b"physdev", b"mac"];

/// What is in a register: a field, and which of its bits.
#[derive(Debug, Clone, Copy)]
struct Loaded {
    load: Load,
    mask: u128,
    len: usize,
}

/// What the registers hold, while the expressions of a rule are read.
#[derive(Default)]
struct Held([Option<Loaded>; Reg::WORDS]);

impl Held {
    fn get(&self, reg: Reg, len: usize) -> Option<Loaded> {
        self.0.get(reg.word()?).copied().flatten().filter(|l| len <= l.len && len > 0)
    }

    /// A register takes that many bytes of something.
    fn put(&mut self, reg: Reg, len: usize, loaded: Option<Loaded>) {
        let Some(word) = reg.word() else { return };
        let end = word + len.div_ceil(4).max(1);
        for (at, held) in self.0.iter_mut().enumerate() {
            let overlaps = held.is_some_and(|h| at < end && word < at + h.len.div_ceil(4));
            if overlaps || (word..end).contains(&at) {
                *held = None;
            }
        }
        if let Some(held) = self.0.get_mut(word) {
            *held = loaded;
        }
    }
}

/// The conditions that a rule cannot do without.
pub(super) fn keys<'s>(rule: &Rule, set: &dyn Fn(&Lookup) -> Option<&'s Set>, loads: &mut Loads) -> SmallVec<[Key; 4]> {
    let mut keys = SmallVec::new();
    if !rule.unread.is_empty() {
        return keys;
    }
    let mut held = Held::default();
    let mut between: SmallVec<[(Load, u128, u128); 2]> = SmallVec::new();
    let mut limit = |load, low: u128, high: u128| match between.iter_mut().find(|b| b.0 == load) {
        Some(b) => (b.1, b.2) = (b.1.max(low), b.2.min(high)),
        None => between.push((load, low, high)),
    };
    let mut one_of = |load, mask, values: SmallVec<[u128; 1]>| {
        if let Some(field) = loads.field(load) {
            keys.push(Key { field, wanted: Wanted::OneOf { mask, values } });
        }
    };
    for e in &rule.exprs {
        match e {
            Expr::Payload(_) | Expr::Meta(_) | Expr::Ct(_) if Load::of(e).is_some() => {
                let (Some(load), Some(dreg)) = (Load::of(e), writes(e)) else { continue };
                let mask = number(&[0xff; WIDE][..load.len()], 0);
                held.put(dreg, load.len(), Some(Loaded { load, mask, len: load.len() }));
            }
            Expr::Bitwise(b) => {
                let len = usize::from(b.len);
                let masked = match (&b.op, held.get(b.sreg, len)) {
                    (BitwiseOp::MaskXor { mask, xor }, Some(l)) if xor.as_bytes().iter().all(|x| *x == 0) => {
                        Some(Loaded { mask: l.mask & number(mask.as_bytes(), 0), len, ..l })
                    }
                    _ => None,
                };
                held.put(b.dreg, len, masked);
            }
            Expr::Cmp(c) => {
                let data = c.data.as_bytes();
                let Some(l) = held.get(c.sreg, data.len()) else { continue };
                let compared = l.mask & number(&[0xff; WIDE][..data.len()], 0);
                let whole = l.mask == number(&[0xff; WIDE][..l.len], 0);
                let (low, high) = (number(data, 0), number(data, 0xff));
                match c.op {
                    CmpOp::Eq => one_of(l.load, compared, [low].into_iter().collect()),
                    CmpOp::Neq if low == 0 && compared.count_ones() <= 4 => {
                        one_of(l.load, compared, some_of(compared).collect());
                    }
                    CmpOp::Gte if whole => limit(l.load, low, u128::MAX),
                    CmpOp::Lte if whole => limit(l.load, 0, high),
                    CmpOp::Gt if whole => limit(l.load, high.saturating_add(1), u128::MAX),
                    CmpOp::Lt if whole => limit(l.load, 0, low.saturating_sub(1)),
                    _ => {}
                }
            }
            Expr::Range(r) if r.op == RangeOp::Eq => {
                let (from, to) = (r.from.as_bytes(), r.to.as_bytes());
                let Some(l) = held.get(r.sreg, from.len().max(to.len())) else { continue };
                if from.len() == to.len() && l.mask == number(&[0xff; WIDE][..l.len], 0) {
                    limit(l.load, number(from, 0), number(to, 0xff));
                }
            }
            Expr::Lookup(l) => {
                let Some(set) = set(l) else { break };
                let len = set.def.key_len as usize;
                if let Some(loaded) = held.get(l.sreg, len).filter(|_| !l.inverted() && is_plain(set)) {
                    let mask = loaded.mask & number(&[0xff; WIDE][..len], 0);
                    one_of(loaded.load, mask, set.elements.iter().map(|e| number(e.key.as_bytes(), 0)).collect());
                }
                match l.dreg {
                    Some(Reg::VERDICT) => break,
                    Some(dreg) => held.put(dreg, 4 * Reg::WORDS, None),
                    None => {}
                }
            }
            Expr::Counter(_) | Expr::Last(_) | Expr::Limit(_) | Expr::Quota(_) | Expr::Range(_) => {}
            Expr::Match(m) if LOOKING.contains(&m.name.as_bytes()) => {}
            Expr::Immediate(i) if i.dreg == Reg::VERDICT => break,
            Expr::Payload(_)
            | Expr::Meta(_)
            | Expr::Ct(_)
            | Expr::Byteorder(_)
            | Expr::Immediate(_)
            | Expr::Fib(_)
            | Expr::Rt(_)
            | Expr::Socket(_) => held.put(writes(e).unwrap_or(Reg::R1), 4 * Reg::WORDS, None),
            _ => break,
        }
    }
    for (load, low, high) in between {
        if let Some(field) = loads.field(load) {
            keys.push(Key { field, wanted: Wanted::Between(low, high) });
        }
    }
    keys
}

/// The numbers that have some of these bits and no others.
fn some_of(bits: u128) -> impl Iterator<Item = u128> {
    let mut part = bits;
    std::iter::from_fn(move || {
        let now = (part != 0).then_some(part)?;
        part = (part - 1) & bits;
        Some(now)
    })
}

/// Does a key find something in the set if it is one of a few elements, and not otherwise?
fn is_plain(set: &Set) -> bool {
    let flags = set.def.flags;
    let len = set.def.key_len as usize;
    flags.contains(SetFlags::ANONYMOUS)
        && !flags.intersects(SetFlags::INTERVAL | SetFlags::TIMEOUT | SetFlags::EVAL)
        && set.def.unread.is_empty()
        && set.elements.len() <= SMALL_SET
        && set.elements.iter().all(|e| {
            let alone = e.key_end.is_none() && !e.is_catchall() && !e.is_interval_end();
            alone && e.key.len() == len && e.extra().expiration.is_none()
        })
}
