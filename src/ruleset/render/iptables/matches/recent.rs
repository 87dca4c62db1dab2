//! `-m recent`

use nfblame_sys::xt::matches::Recent;

use super::{Out, put};
use crate::ruleset::render::Address;

pub(super) fn render(m: &Recent<'_>, out: &mut Out) {
    let has = |flag: u8| m.what & flag != 0;
    out.not(m.invert);
    for (flag, option) in [
        (Recent::SET, " --set"),
        (Recent::CHECK, " --rcheck"),
        (Recent::UPDATE, " --update"),
        (Recent::REMOVE, " --remove"),
    ] {
        if has(flag) {
            out.str(option);
        }
    }
    // The tool takes both numbers for signed ones.
    if m.seconds != 0 {
        put!(out, " --seconds {}", m.seconds.cast_signed());
    }
    if has(Recent::REAP) {
        out.str(" --reap");
    }
    if m.hits != 0 {
        put!(out, " --hitcount {}", m.hits.cast_signed());
    }
    if has(Recent::TTL) {
        out.str(" --rttl");
    }
    out.str(" --name ");
    out.bytes(m.name.as_bytes());
    if let Some(mask) = m.mask {
        put!(out, " --mask {}", Address(mask));
    }
    match m.side {
        Recent::SOURCE => out.str(" --rsource"),
        Recent::DESTINATION => out.str(" --rdest"),
        _ => {}
    }
}
