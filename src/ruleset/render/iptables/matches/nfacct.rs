//! `-m nfacct`

use nfblame_sys::xt::matches::Nfacct;

use super::Out;

pub(super) fn render(m: &Nfacct<'_>, out: &mut Out) {
    // Two blanks: the tool's own, and the one that goes before every string.
    out.str(" --nfacct-name ");
    out.string(m.name.as_bytes());
}
