//! `-m string`

use super::{Checked, ask};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::packet::CUT;
use crate::evaluate::release::reached;
use crate::sys::text::Escaped;
use crate::sys::xt::matches::StringMatch;

pub(super) fn check(cx: &mut Context, m: &StringMatch<'_>) -> Checked {
    let inverted = m.flags & StringMatch::INVERT != 0;
    let ignore_case = m.flags & StringMatch::IGNORE_CASE != 0;
    let pattern = m.pattern.0;
    let same = |a: &[u8]| if ignore_case { a.eq_ignore_ascii_case(pattern) } else { a == pattern };
    let from = usize::from(m.from);
    let known = cx.packet.bytes.get(from..).unwrap_or(&[]);
    // The first place counts; what lies behind the range was not searched for.
    let place = known.windows(pattern.len().max(1)).position(same);
    let span = usize::from(m.to) - from.min(m.to.into());
    let contained = match place {
        _ if !cx.packet.blurred.is_empty() => return ask(cx, "bytes that NAT chose", m),
        Some(at) if at + pattern.len() <= span => true,
        // Since 6.6 a match must end within the range, before that it had to begin there.
        Some(at) if at <= span => match reached(cx.env, (6, 6)) {
            Fact::Is(reached) => !reached,
            _ => return ask(cx, "kernel release", m),
        },
        Some(_) => false,
        None if cx.packet.bytes.len() < cx.packet.length && from + span > cx.packet.bytes.len() => {
            // Few packets hold a given word.
            return Err(cx.ask(CUT, format!("{m:?}").as_bytes(), inverted).into());
        }
        None => false,
    };
    let met = contained != inverted;
    if !met {
        cx.miss("--string", || {
            let not = if inverted { "! " } else { "" };
            (Some(format!("{not}\"{}\"", Escaped(pattern))), Some(if contained { "found" } else { "not found" }.into()))
        });
    }
    Ok(met)
}
