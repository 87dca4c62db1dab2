//! `-j TEE`

use nfblame_sys::xt::targets::Tee;

use super::{Address, Out, put};

pub(super) fn render(t: &Tee<'_>, out: &mut Out) {
    put!(out, " --gateway {}", Address(t.gateway));
    if !t.oif.is_empty() {
        out.str(" --oif ");
        out.bytes(t.oif.as_bytes());
    }
}
