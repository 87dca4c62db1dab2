//! `cmp` and `range`: the rule goes on if the register compares so.

use std::cmp::Ordering;

use crate::evaluate::Context;
use crate::evaluate::nft::describe;
use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Bounds;
use crate::sys::nft::Reg;
use crate::sys::nft::expr::{Cmp, CmpOp, Range, RangeOp};

/// `nft_cmp_eval`; its fast variants give the same.
#[inline]
pub fn eval(cx: &mut Context<'_>, m: &Machine<'_>, e: &Cmp) -> Step {
    let data = e.data.as_bytes();
    let holds = match m.regs.read(e.sreg, data.len()) {
        Some(bytes) => holds(e.op, bytes.cmp(data)),
        None => unknown(cx, m, e),
    };
    if !holds {
        describe::miss(cx, m, e.sreg, data.len(), || describe::Wanted::Cmp(e));
    }
    Step::when(holds)
}

fn holds(op: CmpOp, found: Ordering) -> bool {
    match op {
        CmpOp::Eq => found.is_eq(),
        CmpOp::Neq => found.is_ne(),
        CmpOp::Lt => found.is_lt(),
        CmpOp::Lte => found.is_le(),
        CmpOp::Gt => found.is_gt(),
        CmpOp::Gte => found.is_ge(),
        // The kernel has no other and would go on.
        CmpOp::Unknown(_) => true,
    }
}

#[cold]
fn unknown(cx: &mut Context<'_>, m: &Machine<'_>, e: &Cmp) -> bool {
    let data = e.data.as_bytes();
    // One word that is known to differ decides equality.
    if matches!(e.op, CmpOp::Eq | CmpOp::Neq) && differs(m, e.sreg, data) {
        return e.op == CmpOp::Neq;
    }
    if let Some(decided) = m.regs.unknown(e.sreg, data.len()).bounds.and_then(|b| by_bounds(&b, e.op, data)) {
        return decided;
    }
    // A question and its opposite are one.
    match e.op {
        CmpOp::Eq => m.ask(cx, e.sreg, data.len(), b"=", data, false),
        CmpOp::Neq => !m.ask(cx, e.sreg, data.len(), b"=", data, false),
        CmpOp::Lt => m.ask(cx, e.sreg, data.len(), b"<", data, true),
        CmpOp::Gte => !m.ask(cx, e.sreg, data.len(), b"<", data, false),
        CmpOp::Gt => m.ask(cx, e.sreg, data.len(), b">", data, true),
        CmpOp::Lte => !m.ask(cx, e.sreg, data.len(), b">", data, false),
        CmpOp::Unknown(_) => m.ask(cx, e.sreg, data.len(), b"?", data, true),
    }
}

/// Is there a word that is known, and not what `data` has there?
pub fn differs(m: &Machine<'_>, reg: Reg, data: &[u8]) -> bool {
    m.regs
        .words(reg, data.len())
        .zip(data.chunks(4))
        .any(|(word, want)| word.is_some_and(|w| w.get(..want.len()) != Some(want)))
}

/// Decides by the least and the greatest value that it may have.
pub fn by_bounds(b: &Bounds, op: CmpOp, data: &[u8]) -> Option<bool> {
    let want = number(b, data)?;
    Some(match op {
        CmpOp::Eq | CmpOp::Neq => {
            if (b.low..=b.high).contains(&want) {
                return (b.low == b.high).then_some(op == CmpOp::Eq);
            }
            op == CmpOp::Neq
        }
        // Bytes compare as numbers only in network order.
        _ if !b.network => return None,
        _ => {
            let (low, high) = (holds(op, b.low.cmp(&want)), holds(op, b.high.cmp(&want)));
            if low != high {
                return None;
            }
            low
        }
    })
}

fn number(b: &Bounds, data: &[u8]) -> Option<u64> {
    match (data.len(), b.network) {
        (n, _) if n != b.width => None,
        (4, true) => data.try_into().ok().map(u32::from_be_bytes).map(u64::from),
        (4, false) => data.try_into().ok().map(u32::from_ne_bytes).map(u64::from),
        (8, true) => data.try_into().ok().map(u64::from_be_bytes),
        (8, false) => data.try_into().ok().map(u64::from_ne_bytes),
        _ => None,
    }
}

/// `nft_range_eval`
pub fn range(cx: &mut Context<'_>, m: &Machine<'_>, e: &Range) -> Step {
    let (from, to) = (e.from.as_bytes(), e.to.as_bytes());
    let inside = match m.regs.read(e.sreg, from.len()) {
        Some(bytes) => from <= bytes && bytes <= to,
        None => {
            let bounds = m.regs.unknown(e.sreg, from.len()).bounds;
            let side = |op, data| bounds.and_then(|b| by_bounds(&b, op, data));
            match (side(CmpOp::Gte, from), side(CmpOp::Lte, to)) {
                (Some(true), Some(true)) => true,
                (Some(false), _) | (_, Some(false)) => false,
                _ => m.ask(cx, e.sreg, from.len(), b"in", &[from, to].concat(), e.op != RangeOp::Neq),
            }
        }
    };
    let holds = match e.op {
        RangeOp::Eq => inside,
        RangeOp::Neq => !inside,
        RangeOp::Unknown(_) => true,
    };
    if !holds {
        describe::miss(cx, m, e.sreg, from.len(), || describe::Wanted::Range(e));
    }
    Step::when(holds)
}
