//! `-j MARK`

use nfblame_sys::xt::Family;
use nfblame_sys::xt::targets::Mark;

use super::{Context, Out, put};

pub(super) fn render(t: &Mark, cx: &Context<'_>, out: &mut Out) {
    let Mark { mark, mask } = *t;
    if cx.family != Family::Arp {
        put!(out, " --set-xmark {mark:#x}/{mask:#x}");
    } else if mark == 0 {
        put!(out, " --and-mark {:x}", !mask);
    } else if mark == mask {
        put!(out, " --or-mark {mark:x}");
    } else {
        put!(out, " --set-mark {mark:x}");
    }
}
