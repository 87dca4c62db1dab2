//! `-j TCPMSS`

use nfblame_sys::xt::targets::Tcpmss;

use super::{Out, put};

pub(super) fn render(t: &Tcpmss, out: &mut Out) {
    if t.mss == Tcpmss::CLAMP_TO_PMTU {
        out.str(" --clamp-mss-to-pmtu");
    } else {
        put!(out, " --set-mss {}", t.mss);
    }
}
