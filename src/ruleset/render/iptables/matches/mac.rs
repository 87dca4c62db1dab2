//! `-m mac`

use nfblame_sys::xt::matches::Mac;

use super::{Out, put};

pub(super) fn render(m: &Mac, out: &mut Out) {
    out.not(m.invert != 0);
    let [a, b, c, d, e, f] = m.source;
    put!(out, " --mac-source {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
}
