//! `-m dscp`

use nfblame_sys::xt::matches::Dscp;

use super::{Out, put};

pub(super) fn render(m: &Dscp, out: &mut Out) {
    out.not(m.invert != 0);
    put!(out, " --dscp {:#04x}", m.dscp);
}
