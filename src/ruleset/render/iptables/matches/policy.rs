//! `-m policy`

use nfblame_sys::xt::matches::{Policy, PolicyElement};

use super::{Out, masked, put};
use crate::ruleset::render::protocol_name;

pub(super) fn render(m: &Policy<'_>, out: &mut Out) {
    out.str(if m.flags & Policy::IN != 0 { " --dir in" } else { " --dir out" });
    out.str(if m.flags & Policy::NONE != 0 { " --pol none" } else { " --pol ipsec" });
    if m.flags & Policy::STRICT != 0 {
        out.str(" --strict");
    }
    for (n, e) in m.elements.iter().enumerate() {
        if n > 0 {
            out.str(" --next");
        }
        element(&e, out);
    }
}

fn element(e: &PolicyElement, out: &mut Out) {
    let has = |flag: u8, out: &mut Out| {
        if e.matched & flag != 0 {
            out.not(e.invert & flag != 0);
        }
        e.matched & flag != 0
    };
    if has(PolicyElement::REQID, out) {
        put!(out, " --reqid {}", e.reqid);
    }
    if has(PolicyElement::SPI, out) {
        put!(out, " --spi {:#x}", e.spi);
    }
    if has(PolicyElement::PROTO, out) {
        match protocol_name(e.proto) {
            Some(name) => put!(out, " --proto {name}"),
            None => put!(out, " --proto {}", e.proto),
        }
    }
    if has(PolicyElement::MODE, out) {
        out.str(" --mode");
        match e.mode {
            PolicyElement::TRANSPORT => out.str(" transport"),
            PolicyElement::TUNNEL => out.str(" tunnel"),
            other => out.unknown(format_args!("mode {other}")),
        }
    }
    if has(PolicyElement::DESTINATION, out) {
        out.str(" --tunnel-dst ");
        masked(e.destination.0, e.destination.1, out);
    }
    if has(PolicyElement::SOURCE, out) {
        out.str(" --tunnel-src ");
        masked(e.source.0, e.source.1, out);
    }
}
