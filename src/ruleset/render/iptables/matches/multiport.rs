//! `-m multiport`

use nfblame_sys::xt::matches::Multiport;

use super::{Out, put};

pub(super) fn render(m: &Multiport, out: &mut Out) {
    out.not(m.invert);
    out.str(match m.side {
        Multiport::SOURCE => " --sports ",
        Multiport::DESTINATION => " --dports ",
        Multiport::EITHER => " --ports ",
        other => return out.unknown(format_args!("side {other}")),
    });
    for (n, (low, high)) in m.ports.ranges().enumerate() {
        put!(out, "{}{low}", if n == 0 { "" } else { "," });
        if high != low {
            put!(out, ":{high}");
        }
    }
}
