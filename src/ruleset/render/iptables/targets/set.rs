//! `-j SET`

use nfblame_sys::xt::SetReference;
use nfblame_sys::xt::targets::Set;

use super::super::set::set_and_directions;
use super::{Context, Out, put};

pub(super) fn render(t: &Set, cx: &Context<'_>, out: &mut Out) {
    reference("--add-set", &t.add, cx, out);
    if t.flags & Set::EXIST != 0 {
        out.str(" --exist");
    }
    if t.timeout != u32::MAX {
        put!(out, " --timeout {}", t.timeout);
    }
    reference("--del-set", &t.delete, cx, out);
    reference("--map-set", &t.map, cx, out);
    for (flag, option) in
        [(Set::MAP_MARK, " --map-mark"), (Set::MAP_PRIORITY, " --map-prio"), (Set::MAP_QUEUE, " --map-queue")]
    {
        if t.flags & flag != 0 {
            out.str(option);
        }
    }
}

fn reference(option: &str, set: &SetReference, cx: &Context<'_>, out: &mut Out) {
    if set.is_some() {
        put!(out, " {option}");
        set_and_directions(set, cx, out);
    }
}
