//! `-j TTL` and `-j HL`

use nfblame_sys::xt::targets::Ttl;

use super::{Out, put};

pub(super) fn render(what: &str, t: &Ttl, out: &mut Out) {
    match t.mode {
        0 => put!(out, " --{what}-set {}", t.ttl),
        1 => put!(out, " --{what}-inc {}", t.ttl),
        2 => put!(out, " --{what}-dec {}", t.ttl),
        other => out.unknown(format_args!("unknown mode {other} by {}", t.ttl)),
    }
}
