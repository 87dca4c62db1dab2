//! `-j SECMARK`

use nfblame_sys::xt::targets::Secmark;

use super::Out;

pub(super) fn render(t: &Secmark<'_>, out: &mut Out) {
    if t.mode != Secmark::SELINUX {
        return out.unknown(format_args!("unknown mode {}: {}", t.mode, t.context));
    }
    out.str(" --selctx ");
    out.bytes(t.context.as_bytes());
}
