//! `-m set`

use super::{Checked, ask};
use crate::evaluate::context::Context;
use crate::evaluate::xt::sets::{self, Asked};
use crate::sys::uapi::ip_set::IPSET_FLAG_MATCH_COUNTERS;
use crate::sys::xt::matches::Set;

/// `IPSET_COUNTER_NONE`
const COUNTER_NONE: u8 = 0;

pub(super) fn check(cx: &mut Context, m: &Set) -> Checked {
    let counts = m.packets.op != COUNTER_NONE || m.bytes.op != COUNTER_NONE;
    let flags = m.flags | if counts { IPSET_FLAG_MATCH_COUNTERS } else { 0 };
    let sets = cx.env.ipsets();
    let Some((all, set)) = sets.and_then(|all| Some((all, all.by_index(m.set.index)?))) else {
        return ask(cx, format!("elements of set #{}", m.set.index), m);
    };
    let Some(contained) = all.contains(set, sets::ask(m.set, flags), &Asked(cx)) else {
        return ask(cx, format!("whether the packet is in set {}", set.header().name), m);
    };
    let met = contained != m.invert();
    if !met {
        cx.miss("--match-set", || {
            let have = if contained { "in the set" } else { "not in the set" };
            (Some(format!("{}{}", if m.invert() { "! " } else { "" }, set.header().name)), Some(have.into()))
        });
    }
    Ok(met)
}
