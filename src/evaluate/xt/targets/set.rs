//! `-j SET`

use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::effect::Effect;
use crate::evaluate::fact::Fact;
use crate::evaluate::xt::sets;
use crate::ruleset::ipset::Found;
use crate::sys::xt::SetReference;
use crate::sys::xt::targets::Set;

pub(super) fn run(cx: &mut Context, t: &Set) -> Decision {
    for (what, set) in [("add to", t.add), ("delete from", t.delete)] {
        if set.is_some() {
            let name = name(cx, set);
            cx.effects.push(Effect::State(format!("{what} set {name}").into()));
        }
    }
    if t.map.is_some() {
        map(cx, t);
    }
    Decision::Next
}

fn name(cx: &Context, set: SetReference) -> String {
    match cx.env.ipsets().and_then(|all| all.by_index(set.index)) {
        Some(set) => set.header().name.to_string(),
        None => format!("#{}", set.index),
    }
}

/// Takes mark and priority from the element that the packet is in.
fn map(cx: &mut Context, t: &Set) {
    let marks = t.flags & Set::MAP_MARK != 0;
    let priorities = t.flags & Set::MAP_PRIORITY != 0;
    // (mark, mask) and priority of the element; None for no element.
    let found = match sets::lookup(cx, t.map, 0) {
        Some(Found::Hit(_, member)) => {
            let extra = member.extra.as_deref();
            Fact::Is((extra.and_then(|e| e.mark).unwrap_or((0, 0)), extra.and_then(|e| e.priority).unwrap_or(0)))
        }
        Some(Found::Miss | Found::Excepted(..)) => Fact::Absent,
        Some(Found::Unknown(what)) => Fact::Unknown(what),
        None => Fact::unknown("elements of a set"),
    };
    match found {
        Fact::Is(((mark, mask), priority)) => {
            if marks {
                cx.set_mark(match cx.packet.mark.clone() {
                    _ if mask == u32::MAX => Fact::Is(mark),
                    old => old.map(|old| (old & !mask) ^ mark),
                });
            }
            if priorities {
                cx.packet.priority = Fact::Is(priority);
            }
        }
        Fact::Absent => {}
        Fact::Unknown(what) => {
            if marks {
                cx.set_mark(Fact::unknown(format!("packet mark from {what}")));
            }
            if priorities {
                cx.packet.priority = Fact::unknown(format!("packet priority from {what}"));
            }
        }
    }
}
