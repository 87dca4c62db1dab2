//! `-j SYNPROXY`

use nfblame_sys::xt::targets::Synproxy;

use super::{Out, put};

pub(super) fn render(t: &Synproxy, out: &mut Out) {
    let has = |option: u8| t.options & option != 0;
    if has(Synproxy::SACK_PERM) {
        out.str(" --sack-perm");
    }
    if has(Synproxy::TIMESTAMP) {
        out.str(" --timestamp");
    }
    if has(Synproxy::WSCALE) {
        put!(out, " --wscale {}", t.wscale);
    }
    if has(Synproxy::MSS) {
        put!(out, " --mss {}", t.mss);
    }
    if has(Synproxy::ECN) {
        out.str(" --ecn");
    }
}
