//! `-m addrtype`

use nfblame_sys::xt::matches::Addrtype;

use super::{Out, put};

pub(super) fn render(m: &Addrtype, out: &mut Out) {
    types("--src-type", m.source, m.flags & Addrtype::INVERT_SOURCE != 0, out);
    types("--dst-type", m.destination, m.flags & Addrtype::INVERT_DESTINATION != 0, out);
    if m.flags & Addrtype::LIMIT_IN != 0 {
        out.str(" --limit-iface-in");
    }
    if m.flags & Addrtype::LIMIT_OUT != 0 {
        out.str(" --limit-iface-out");
    }
}

fn types(option: &str, types: u16, inverted: bool, out: &mut Out) {
    const NAMES: [&str; 12] = [
        "UNSPEC",
        "UNICAST",
        "LOCAL",
        "BROADCAST",
        "ANYCAST",
        "MULTICAST",
        "BLACKHOLE",
        "UNREACHABLE",
        "PROHIBIT",
        "THROW",
        "NAT",
        "XRESOLVE",
    ];
    if types == 0 {
        return;
    }
    out.not(inverted);
    put!(out, " {option} ");
    let named = NAMES.iter().enumerate().filter(|(bit, _)| types & 1 << bit != 0).map(|(_, name)| *name);
    super::list(named, out);
}
