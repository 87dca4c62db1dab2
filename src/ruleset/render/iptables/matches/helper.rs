//! `-m helper`

use nfblame_sys::xt::matches::Helper;

use super::Out;

pub(super) fn render(m: &Helper<'_>, out: &mut Out) {
    out.not(m.invert);
    out.str(" --helper");
    out.string(m.name.as_bytes());
}
