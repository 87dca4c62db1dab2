//! `-m dst` and `-m hbh`

use nfblame_sys::xt::matches::Ip6Options;

use super::{Out, put};

pub(super) fn render(name: &str, m: &Ip6Options, out: &mut Out) {
    if m.flags & Ip6Options::LENGTH != 0 {
        out.not(m.invert & Ip6Options::INVERT_LENGTH != 0);
        put!(out, " --{name}-len {}", m.length);
    }
    if m.flags & Ip6Options::OPTIONS != 0 {
        put!(out, " --{name}-opts");
    }
    for (n, (kind, length)) in m.options().enumerate() {
        put!(out, "{}{kind}", if n == 0 { " " } else { "," });
        if let Some(length) = length {
            put!(out, ":{length}");
        }
    }
}
