//! `-m quota`

use nfblame_sys::xt::matches::Quota;

use super::{Out, put};

pub(super) fn render(m: &Quota, out: &mut Out) {
    out.not(m.flags & Quota::INVERT != 0);
    put!(out, " --quota {}", m.quota);
}
