//! `-m set`

use nfblame_sys::uapi::ip_set::*;
use nfblame_sys::xt::matches::{Set, SetCounter};

use super::{Out, put};
use crate::ruleset::render::iptables::Context;
use crate::ruleset::render::iptables::set::set_and_directions;

pub(super) fn render(m: &Set, cx: &Context<'_>, out: &mut Out) {
    out.not(m.invert());
    out.str(" --match-set");
    set_and_directions(&m.set, cx, out);
    for (flag, option) in [
        (IPSET_FLAG_RETURN_NOMATCH, " --return-nomatch"),
        (IPSET_FLAG_SKIP_COUNTER_UPDATE, " ! --update-counters"),
        (IPSET_FLAG_SKIP_SUBCOUNTER_UPDATE, " ! --update-subcounters"),
    ] {
        if m.flags & flag != 0 {
            out.str(option);
        }
    }
    counter("packets", m.packets, out);
    counter("bytes", m.bytes, out);
}

fn counter(name: &str, c: SetCounter, out: &mut Out) {
    match c.op {
        IPSET_COUNTER_EQ => put!(out, " --{name}-eq {}", c.value),
        IPSET_COUNTER_NE => put!(out, " ! --{name}-eq {}", c.value),
        IPSET_COUNTER_LT => put!(out, " --{name}-lt {}", c.value),
        IPSET_COUNTER_GT => put!(out, " --{name}-gt {}", c.value),
        _ => {}
    }
}
