//! `-m ipcomp`

use nfblame_sys::xt::matches::Ipcomp;

use super::{Out, range};

pub(super) fn render(m: &Ipcomp, out: &mut Out) {
    range("--ipcompspi", m.spis.into(), m.invert & Ipcomp::INVERT_SPI != 0, out);
    if m.reserved != 0 {
        out.str(" --compres");
    }
}
