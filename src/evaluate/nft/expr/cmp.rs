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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::Unknown;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Data;

    fn compare(value: &[u8], op: CmpOp, data: &[u8]) -> bool {
        plain(ip4(17, &[0; 8]), |cx, m| {
            m.regs.write(Reg::R1, value);
            eval(cx, m, &Cmp { op, sreg: Reg::R1, data: Data::new(data) }) == Step::Go
        })
    }

    #[test]
    fn bytes_compare_from_the_first_on_and_as_many_as_there_are() {
        assert!(compare(&[0, 53], CmpOp::Eq, &[0, 53]));
        assert!(compare(b"eth0\0\0\0\0", CmpOp::Eq, b"eth"));
        assert!(compare(b"eth0\0\0\0\0", CmpOp::Neq, b"eth0\0\0\0\x01"));
        assert!(compare(&[1, 0], CmpOp::Gt, &[0, 255]));
        assert!(compare(&[1, 0], CmpOp::Gte, &[1, 0]) && !compare(&[1, 0], CmpOp::Gt, &[1, 0]));
        assert!(compare(&[0, 1], CmpOp::Lt, &[1, 0]) && compare(&[1, 0], CmpOp::Lte, &[1, 0]));
        assert!(!compare(&[1, 0], CmpOp::Lt, &[1, 0]));
    }

    #[test]
    fn a_range_has_both_ends_inside() {
        let inside = |op, v: u8| {
            plain(ip4(17, &[0; 8]), |cx, m| {
                m.regs.write(Reg::R1, &[v]);
                range(cx, m, &Range { op, sreg: Reg::R1, from: Data::new([5]), to: Data::new([7]) }) == Step::Go
            })
        };
        assert_eq!((4..9).map(|v| inside(RangeOp::Eq, v)).collect::<Vec<_>>(), [false, true, true, true, false]);
        assert_eq!((4..9).map(|v| inside(RangeOp::Neq, v)).collect::<Vec<_>>(), [true, false, false, false, true]);
    }

    /// The answers to comparisons of an unknown value, run by run.
    fn answers(unknown: &Unknown, of: &[(CmpOp, u32)]) -> Vec<Vec<bool>> {
        let runs = every(&ip4(17, &[0; 8]), &Host::default(), &table(crate::sys::nft::Family::Ip), |cx, m| {
            m.regs.write_unknown(Reg::R1, 4, unknown.clone());
            of.iter()
                .map(|(op, n)| {
                    eval(cx, m, &Cmp { op: *op, sreg: Reg::R1, data: Data::new(n.to_ne_bytes()) }) == Step::Go
                })
                .collect()
        });
        runs.into_iter().map(|r| r.0).collect()
    }

    #[test]
    fn a_question_its_repetition_and_its_opposite_are_one() {
        let runs = answers(&Unknown::fact("x"), &[(CmpOp::Eq, 5), (CmpOp::Neq, 5), (CmpOp::Eq, 5)]);
        assert_eq!(runs, [[false, true, false], [true, false, true]]);
        assert_eq!(answers(&Unknown::fresh("dice"), &[(CmpOp::Eq, 5), (CmpOp::Eq, 5)]).len(), 4);
    }

    #[test]
    fn bounds_decide_what_they_can() {
        let x = Unknown::fresh("x").between(3, 6, 4);
        assert_eq!(answers(&x, &[(CmpOp::Eq, 2), (CmpOp::Neq, 7)]), [[false, true]]);
        assert_eq!(answers(&x, &[(CmpOp::Eq, 4)]).len(), 2);
        let one = Unknown::fresh("x").between(3, 3, 4);
        assert_eq!(answers(&one, &[(CmpOp::Eq, 3), (CmpOp::Neq, 3)]), [[true, false]]);
        let b = Bounds { low: 3, high: 6, width: 4, network: true };
        let be = |n: u32| n.to_be_bytes();
        assert_eq!(by_bounds(&b, CmpOp::Lt, &be(7)), Some(true));
        assert_eq!(by_bounds(&b, CmpOp::Gt, &be(6)), Some(false));
        assert_eq!(by_bounds(&b, CmpOp::Gt, &be(5)), None);
    }

    #[test]
    fn one_known_word_may_decide() {
        let step = plain(ip4(17, &[0; 8]), |cx, m| {
            m.regs.write(Reg::R1, &[1, 2, 3, 4]);
            m.regs.write_unknown(Reg(5), 4, Unknown::fact("x"));
            eval(cx, m, &Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new([9, 2, 3, 4, 0, 0, 0, 0]) })
        });
        assert_eq!(step, Step::Break);
    }
}
