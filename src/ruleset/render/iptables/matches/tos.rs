//! `-m tos`

use nfblame_sys::xt::matches::Tos;

use super::{Out, put};

pub(super) fn render(m: &Tos, out: &mut Out) {
    out.not(m.invert);
    put!(out, " --tos {:#04x}", m.value);
    if let Some(mask) = m.mask {
        put!(out, "/{mask:#04x}");
    }
}
