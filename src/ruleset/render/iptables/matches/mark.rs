//! `-m mark`

use nfblame_sys::xt::matches::Mark;

use super::{Out, mark};

pub(super) fn render(m: &Mark, out: &mut Out) {
    out.not(m.invert != 0);
    out.str(" --mark");
    mark(m.mark, m.mask, out);
}
