//! `-m connlabel`

use nfblame_sys::xt::matches::Connlabel;

use super::{Out, put};
use crate::ruleset::render::labels;

pub(super) fn render(m: &Connlabel, out: &mut Out) {
    out.not(m.options & Connlabel::INVERT != 0);
    match labels::connlabel(m.bit) {
        Some(name) => put!(out, " --label \"{name}\""),
        None => put!(out, " --label \"{}\"", m.bit),
    }
    if m.options & Connlabel::SET != 0 {
        out.str(" --set");
    }
}
