//! `-m ipvs`

use nfblame_sys::xt::matches::Ipvs;

use super::{Out, masked, put};

pub(super) fn render(m: &Ipvs, out: &mut Out) {
    let has = |flag: u8, out: &mut Out| {
        if m.matched & flag != 0 {
            out.not(m.invert & flag != 0);
        }
        m.matched & flag != 0
    };
    // Every other condition implies this one.
    if m.matched == Ipvs::PROPERTY {
        out.not(m.invert & Ipvs::PROPERTY != 0);
        out.str(" --ipvs");
    }
    if has(Ipvs::PROTO, out) {
        put!(out, " --vproto {}", m.proto);
    }
    if has(Ipvs::ADDRESS, out) {
        out.str(" --vaddr ");
        masked(m.address, m.mask, out);
    }
    if has(Ipvs::PORT, out) {
        put!(out, " --vport {}", m.port);
    }
    if m.matched & Ipvs::DIRECTION != 0 {
        let reply = m.invert & Ipvs::DIRECTION != 0;
        out.str(if reply { " --vdir REPLY" } else { " --vdir ORIGINAL" });
    }
    if has(Ipvs::METHOD, out) {
        out.str(" --vmethod");
        match m.method {
            Ipvs::ROUTE => out.str(" GATE"),
            Ipvs::TUNNEL => out.str(" IPIP"),
            Ipvs::MASQUERADE => out.str(" MASQ"),
            other => out.unknown(format_args!("method {other}")),
        }
    }
    if has(Ipvs::CONTROL_PORT, out) {
        put!(out, " --vportctl {}", m.control_port);
    }
}
