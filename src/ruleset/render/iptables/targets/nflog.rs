//! `-j NFLOG`

use nfblame_sys::xt::targets::Nflog;

use super::{Out, put};

pub(super) fn render(t: &Nflog<'_>, out: &mut Out) {
    if !t.prefix.is_empty() {
        out.str(" --nflog-prefix");
        out.string(t.prefix.as_bytes());
    }
    if t.group != 0 {
        put!(out, " --nflog-group {}", t.group);
    }
    if t.flags & Nflog::COPY_LEN != 0 {
        put!(out, " --nflog-size {}", t.len);
    } else if t.len != 0 {
        put!(out, " --nflog-range {}", t.len);
    }
    if t.threshold != 0 {
        put!(out, " --nflog-threshold {}", t.threshold);
    }
}
