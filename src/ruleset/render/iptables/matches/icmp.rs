//! `-m icmp` and `-m icmp6`

use nfblame_sys::xt::matches::Icmp;

use super::{Out, put};

pub(super) fn render(m: &Icmp, out: &mut Out) {
    out.not(m.invert & Icmp::INVERT != 0);
    if m.kind == Icmp::ANY {
        out.str(" --icmp-type any");
    } else {
        put!(out, " --icmp-type {}", m.kind);
        code(m, out);
    }
}

pub(super) fn render_v6(m: &Icmp, out: &mut Out) {
    out.not(m.invert & Icmp::INVERT != 0);
    put!(out, " --icmpv6-type {}", m.kind);
    code(m, out);
}

fn code(m: &Icmp, out: &mut Out) {
    let [first, last] = m.codes;
    if (first, last) != (0, u8::MAX) {
        put!(out, "/{first}");
    }
}
