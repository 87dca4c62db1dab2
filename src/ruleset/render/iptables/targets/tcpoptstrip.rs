//! `-j TCPOPTSTRIP`

use nfblame_sys::xt::targets::Tcpoptstrip;

use super::{Out, put};

pub(super) fn render(t: &Tcpoptstrip, out: &mut Out) {
    for (i, option) in t.options().enumerate() {
        put!(out, "{}{option}", if i == 0 { " --strip-options " } else { "," });
    }
}
