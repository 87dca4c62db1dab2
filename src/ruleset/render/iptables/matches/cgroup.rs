//! `-m cgroup`

use nfblame_sys::xt::matches::Cgroup;

use super::{Out, put};

pub(super) fn render(m: &Cgroup<'_>, out: &mut Out) {
    if let Some(path) = m.path {
        out.not(m.invert_path);
        out.str(" --path");
        out.string(path.as_bytes());
    }
    if let Some(class) = m.class {
        out.not(m.invert_class);
        put!(out, " --cgroup {class}");
    }
}
