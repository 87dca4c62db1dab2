//! `-m connmark`

use nfblame_sys::xt::matches::Connmark;

use super::{Out, mark};

pub(super) fn render(m: &Connmark, out: &mut Out) {
    out.not(m.invert != 0);
    out.str(" --mark");
    mark(m.mark, m.mask, out);
}
