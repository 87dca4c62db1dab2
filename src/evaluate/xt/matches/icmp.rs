//! `-m icmp`, `-m icmp6`

use super::{Checked, header};
use crate::evaluate::context::Context;
use crate::evaluate::xt::Param;
use crate::sys::xt::matches::Icmp;

pub(super) fn check(cx: &mut Context, param: &Param, m: &Icmp, v4: bool) -> Checked {
    let (_, [kind, code, ..]) = header::<8>(cx, param, m)?;
    let [low, high] = m.codes;
    let any = v4 && m.kind == Icmp::ANY;
    let met = (any || (kind == m.kind && low <= code && code <= high)) != (m.invert & Icmp::INVERT != 0);
    if !met {
        let field = if v4 { "--icmp-type" } else { "--icmpv6-type" };
        cx.miss(field, || {
            let not = if m.invert & Icmp::INVERT != 0 { "! " } else { "" };
            let wanted = match (low, high) {
                (0, u8::MAX) => format!("{not}{}", m.kind),
                (low, high) if low == high => format!("{not}{}/{low}", m.kind),
                _ => format!("{not}{}/{low}-{high}", m.kind),
            };
            (Some(wanted), Some(format!("{kind}/{code}")))
        });
    }
    Ok(met)
}
