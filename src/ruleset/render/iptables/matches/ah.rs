//! `-m ah`

use nfblame_sys::xt::matches::Ah;

use super::{Out, put, range};

pub(super) fn render(m: &Ah, out: &mut Out) {
    range("--ahspi", m.spis, m.invert & Ah::INVERT_SPI != 0, out);
    let inverted = m.invert & Ah::INVERT_LENGTH != 0;
    if m.length != 0 || inverted {
        out.not(inverted);
        put!(out, " --ahlen {}", m.length);
    }
    if m.reserved != 0 {
        out.str(" --ahres");
    }
}
