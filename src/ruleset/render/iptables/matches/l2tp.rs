//! `-m l2tp`

use nfblame_sys::xt::matches::L2tp;

use super::Out;

/// iptables has no words for it; these are the kernel's.
pub(super) fn render(m: &L2tp, out: &mut Out) {
    for (flag, name, value) in [
        (L2tp::TUNNEL, "tid", m.tunnel),
        (L2tp::SESSION, "sid", m.session),
        (L2tp::VERSION, "version", m.version.into()),
        (L2tp::KIND, "type", m.kind.into()),
    ] {
        if m.flags & flag != 0 {
            out.unknown(format_args!("{name} {value}"));
        }
    }
    out.set_incomplete();
}
