//! `-m esp`

use nfblame_sys::xt::matches::Esp;

use super::{Out, range};

pub(super) fn render(m: &Esp, out: &mut Out) {
    range("--espspi", m.spis.into(), m.invert & Esp::INVERT_SPI != 0, out);
}
