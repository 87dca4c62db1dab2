//! `-m cpu`

use nfblame_sys::xt::matches::Cpu;

use super::{Out, put};

pub(super) fn render(m: &Cpu, out: &mut Out) {
    out.not(m.invert != 0);
    put!(out, " --cpu {}", m.cpu);
}
