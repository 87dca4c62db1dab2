//! `-m iprange`

use nfblame_sys::xt::matches::Iprange;

use super::{Out, put};
use crate::ruleset::render::Address;

pub(super) fn render(m: &Iprange, out: &mut Out) {
    for (flag, inverted, option, (first, last)) in [
        (Iprange::SOURCE, Iprange::INVERT_SOURCE, "--src-range", m.source),
        (Iprange::DESTINATION, Iprange::INVERT_DESTINATION, "--dst-range", m.destination),
    ] {
        if m.flags & flag != 0 {
            out.not(m.flags & inverted != 0);
            put!(out, " {option} {}-{}", Address(first), Address(last));
        }
    }
}
