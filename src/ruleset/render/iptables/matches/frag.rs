//! `-m frag`

use nfblame_sys::xt::matches::Frag;

use super::{Out, put, range};

pub(super) fn render(m: &Frag, out: &mut Out) {
    range("--fragid", m.ids.into(), m.invert & Frag::INVERT_IDS != 0, out);
    if m.flags & Frag::LENGTH != 0 {
        out.not(m.invert & Frag::INVERT_LENGTH != 0);
        put!(out, " --fraglen {}", m.length);
    }
    for (flag, option) in [
        (Frag::RESERVED, " --fragres"),
        (Frag::FIRST, " --fragfirst"),
        (Frag::MORE, " --fragmore"),
        (Frag::LAST, " --fraglast"),
    ] {
        if m.flags & flag != 0 {
            out.str(option);
        }
    }
}
