//! `-j IDLETIMER`

use nfblame_sys::xt::targets::IdleTimer;

use super::{Out, put};

pub(super) fn render(t: &IdleTimer<'_>, out: &mut Out) {
    put!(out, " --timeout {} --label ", t.timeout);
    out.bytes(t.label.as_bytes());
    if t.timer_type == 1 {
        out.str(" --alarm");
    }
}
