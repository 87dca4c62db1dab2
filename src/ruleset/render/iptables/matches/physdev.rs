//! `-m physdev`

use nfblame_sys::xt::matches::Physdev;

use super::{Out, put};

pub(super) fn render(m: &Physdev<'_>, out: &mut Out) {
    for (flag, option, name) in [
        (Physdev::IS_IN, "--physdev-is-in", None),
        (Physdev::IN, "--physdev-in", Some(m.input)),
        (Physdev::IS_OUT, "--physdev-is-out", None),
        (Physdev::OUT, "--physdev-out", Some(m.output)),
        (Physdev::BRIDGED, "--physdev-is-bridged", None),
    ] {
        if m.matched & flag == 0 {
            continue;
        }
        out.not(m.invert & flag != 0);
        put!(out, " {option}");
        if let Some(name) = name {
            out.str(" ");
            out.bytes(name.as_bytes());
        }
    }
}
