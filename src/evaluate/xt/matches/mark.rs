//! `-m mark`, `-m connmark`, `-m realm`

use super::{Checked, known};
use crate::evaluate::connection::tracked;
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::sys::xt::matches::{Connmark, Mark, Realm};

/// Has a mark the bits wanted under the mask?
fn masked(cx: &mut Context, name: &'static str, have: u32, (wanted, mask): (u32, u32), inverted: bool) -> bool {
    let met = (have & mask == wanted) != inverted;
    if !met {
        cx.miss(name, || {
            let not = if inverted { "! " } else { "" };
            let under = if mask == u32::MAX { String::new() } else { format!("/{mask:#x}") };
            (Some(format!("{not}{wanted:#x}{under}")), Some(format!("{have:#x}")))
        });
    }
    met
}

pub(super) fn mark(cx: &mut Context, m: &Mark) -> Checked {
    let fact = cx.packet.mark.clone();
    let have = known(cx, fact, m)?.unwrap_or(0);
    Ok(masked(cx, "--mark", have, (m.mark, m.mask), m.invert != 0))
}

pub(super) fn connmark(cx: &mut Context, m: &Connmark) -> Checked {
    if !tracked(cx) {
        cx.miss("-m connmark", || (Some("a connection".into()), Some("none".into())));
        return Ok(false);
    }
    let fact = cx.packet.ct.mark.clone();
    let have = known(cx, fact, m)?.unwrap_or(0);
    Ok(masked(cx, "--mark", have, (m.mark, m.mask), m.invert != 0))
}

pub(super) fn realm(cx: &mut Context, m: &Realm) -> Checked {
    let fact = match &cx.packet.route {
        Fact::Is(route) => Fact::Is(route.realm.unwrap_or(0)),
        Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => Fact::Unknown(w.clone()),
    };
    let have = known(cx, fact, m)?.unwrap_or(0);
    Ok(masked(cx, "--realm", have, (m.realm, m.mask), m.invert != 0))
}
