//! `-m rpfilter`

use nfblame_sys::xt::matches::Rpfilter;

use super::Out;

pub(super) fn render(m: &Rpfilter, out: &mut Out) {
    for (flag, option) in [
        (Rpfilter::LOOSE, " --loose"),
        (Rpfilter::VALID_MARK, " --validmark"),
        (Rpfilter::ACCEPT_LOCAL, " --accept-local"),
        (Rpfilter::INVERT, " --invert"),
    ] {
        if m.flags & flag != 0 {
            out.str(option);
        }
    }
}
