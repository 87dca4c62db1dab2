//! `-m mh`

use nfblame_sys::xt::matches::Mh;

use super::{Out, put};

pub(super) fn render(m: &Mh, out: &mut Out) {
    let [first, last] = m.types;
    if (first, last) == (0, u8::MAX) {
        return;
    }
    out.not(m.invert & Mh::INVERT != 0);
    put!(out, " --mh-type {first}");
    if last != first {
        put!(out, ":{last}");
    }
}
