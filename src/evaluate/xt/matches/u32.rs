//! `-m u32`

use super::{Checked, known};
use crate::evaluate::context::Context;
use crate::evaluate::xt::Outcome;
use crate::sys::xt::matches::{U32, U32Step, U32Test};

pub(super) fn check(cx: &mut Context, m: &U32<'_>) -> Checked {
    for test in m.tests.iter() {
        if !holds(cx, &test, m)? {
            if !m.invert {
                cx.miss("--u32", || (None, None));
            }
            return Ok(m.invert);
        }
    }
    Ok(!m.invert)
}

/// Four bytes, if they are within the packet.
fn word(cx: &mut Context, base: u32, offset: u32, m: &U32<'_>) -> Result<Option<u32>, Outcome> {
    let length = cx.packet.length as u64;
    let (base, offset) = (u64::from(base), u64::from(offset));
    if base + offset + 4 > length {
        return Ok(None);
    }
    let fact = cx.packet.array((base + offset) as usize).map(u32::from_be_bytes);
    known(cx, fact, m)
}

fn holds(cx: &mut Context, test: &U32Test<'_>, m: &U32<'_>) -> Result<bool, Outcome> {
    let mut at = 0u32;
    let mut value = 0u32;
    for (i, step) in test.steps().enumerate() {
        match (i, step.op) {
            (0, _) => {
                let Some(v) = word(cx, 0, step.number, m)? else { return Ok(false) };
                value = v;
            }
            (_, U32Step::AND) => value &= step.number,
            // The machine shifts by the number's low five bits.
            (_, U32Step::LEFT) => value = value.wrapping_shl(step.number),
            (_, U32Step::RIGHT) => value = value.wrapping_shr(step.number),
            (_, U32Step::AT) => {
                let Some(base) = at.checked_add(value) else { return Ok(false) };
                at = base;
                let Some(v) = word(cx, at, step.number, m)? else { return Ok(false) };
                value = v;
            }
            _ => {}
        }
    }
    Ok(test.ranges().any(|(low, high)| low <= value && value <= high))
}
