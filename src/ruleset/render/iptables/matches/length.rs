//! `-m length`

use nfblame_sys::xt::matches::Length;

use super::{Out, put};

pub(super) fn render(m: &Length, out: &mut Out) {
    out.not(m.invert != 0);
    put!(out, " --length {}", m.min);
    if m.max != m.min {
        put!(out, ":{}", m.max);
    }
}
