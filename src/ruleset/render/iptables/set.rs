//! Sets and what is looked up in them.

use nfblame_sys::xt::SetReference;

use super::{Context, Out, put};

/// Appends ` name src,dst`, as both the target and the match write it.
pub(super) fn set_and_directions(set: &SetReference, cx: &Context<'_>, out: &mut Out) {
    match cx.names.set(set.index) {
        Some(name) => {
            out.str(" ");
            out.bytes(name.as_bytes());
        }
        None => out.unknown(format_args!("set of index {}", set.index)),
    }
    for (i, source) in set.sources().enumerate() {
        put!(out, "{}{}", if i == 0 { " " } else { "," }, if source { "src" } else { "dst" });
    }
}
