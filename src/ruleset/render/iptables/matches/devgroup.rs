//! `-m devgroup`

use nfblame_sys::xt::matches::Devgroup;

use super::{Out, label};
use crate::ruleset::render::labels;

pub(super) fn render(m: &Devgroup, out: &mut Out) {
    if m.flags & Devgroup::SOURCE != 0 {
        out.not(m.flags & Devgroup::INVERT_SOURCE != 0);
        out.str(" --src-group");
        label(m.source, m.source_mask, labels::device_group, out);
    }
    if m.flags & Devgroup::DESTINATION != 0 {
        out.not(m.flags & Devgroup::INVERT_DESTINATION != 0);
        out.str(" --dst-group");
        label(m.destination, m.destination_mask, labels::device_group, out);
    }
}
