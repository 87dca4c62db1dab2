//! `-m ecn`

use nfblame_sys::xt::matches::Ecn;

use super::{Out, put};

pub(super) fn render(m: &Ecn, out: &mut Out) {
    if m.operation & Ecn::ECE != 0 {
        out.not(m.invert & Ecn::ECE != 0);
        out.str(" --ecn-tcp-ece");
    }
    if m.operation & Ecn::CWR != 0 {
        out.not(m.invert & Ecn::CWR != 0);
        out.str(" --ecn-tcp-cwr");
    }
    if m.operation & Ecn::IP != 0 {
        out.not(m.invert & Ecn::IP != 0);
        put!(out, " --ecn-ip-ect {}", m.ect);
    }
}
