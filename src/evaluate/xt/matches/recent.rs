//! `-m recent`

use super::Checked;
use crate::evaluate::context::Context;
use crate::evaluate::effect::Effect;
use crate::sys::xt::matches::Recent;

pub(super) fn check(cx: &mut Context, m: &Recent<'_>) -> Checked {
    if m.what & Recent::SET != 0 {
        // Setting always works: an old entry makes room.
        cx.effects.push(Effect::State(format!("address goes into recent list {}", m.name).into()));
        return Ok(!m.invert);
    }
    let seen = cx.ask(format!("addresses in recent list {}", m.name), &[], m.invert);
    if seen == m.invert {
        cx.miss("-m recent", || (Some(format!("list {}", m.name)), None));
    }
    Ok(seen != m.invert)
}
