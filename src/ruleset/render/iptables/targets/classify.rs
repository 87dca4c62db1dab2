//! `-j CLASSIFY`

use nfblame_sys::xt::Family;
use nfblame_sys::xt::targets::Classify;

use super::{Context, Out, put};

pub(super) fn render(t: &Classify, cx: &Context<'_>, out: &mut Out) {
    let (major, minor) = (t.priority >> 16, t.priority & 0xffff);
    if cx.family == Family::Arp {
        put!(out, " --set-class {major:x}:{minor:x}");
    } else {
        put!(out, " --set-class {major:04x}:{minor:04x}");
    }
}
