//! `-m tcpmss`

use nfblame_sys::xt::matches::Tcpmss;

use super::{Out, put};

pub(super) fn render(m: &Tcpmss, out: &mut Out) {
    out.not(m.invert != 0);
    put!(out, " --mss {}", m.min);
    if m.max != m.min {
        put!(out, ":{}", m.max);
    }
}
