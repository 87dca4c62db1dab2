//! `-j NFQUEUE`

use nfblame_sys::xt::targets::Nfqueue;

use super::{Out, put};

pub(super) fn render(t: &Nfqueue, out: &mut Out) {
    if t.total > 1 {
        put!(out, " --queue-balance {}:{}", t.queue, u32::from(t.queue) + u32::from(t.total) - 1);
    } else {
        put!(out, " --queue-num {}", t.queue);
    }
    if t.flags & Nfqueue::BYPASS != 0 {
        out.str(" --queue-bypass");
    }
    if t.revision >= 3 && t.flags & Nfqueue::CPU_FANOUT != 0 {
        out.str(" --queue-cpu-fanout");
    }
}
