//! `-j AUDIT`

use nfblame_sys::xt::targets::Audit;

use super::Out;

pub(super) fn render(t: &Audit, out: &mut Out) {
    match t.kind {
        0 => out.str(" --type accept"),
        1 => out.str(" --type drop"),
        2 => out.str(" --type reject"),
        other => out.unknown(format_args!("unknown type {other}")),
    }
}
