//! `-j TPROXY`

use nfblame_sys::xt::targets::Tproxy;

use super::{Address, Out, put};

pub(super) fn render(t: &Tproxy, out: &mut Out) {
    put!(out, " --on-port {} --on-ip {}", t.port, Address(t.address));
    put!(out, " --tproxy-mark {:#x}/{:#x}", t.mark_value, t.mark_mask);
}
