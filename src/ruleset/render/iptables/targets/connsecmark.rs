//! `-j CONNSECMARK`

use nfblame_sys::xt::targets::Connsecmark;

use super::Out;

pub(super) fn render(t: &Connsecmark, out: &mut Out) {
    match t.mode {
        1 => out.str(" --save"),
        2 => out.str(" --restore"),
        other => out.unknown(format_args!("unknown mode {other}")),
    }
}
