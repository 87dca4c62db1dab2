//! ` -j NAME --option …`: one file per target, named as its decoder.

use nfblame_sys::xt::Target;

use super::{Context, Out, put};

/// Appends a target with all its options. False if it could not be said in the tool's own words: then it stands there
/// raw and marked.
pub fn render(t: &Target<'_>, _cx: &Context<'_>, out: &mut Out) -> bool {
    match t {
        Target::Unknown { name, revision, data } => {
            put!(out, " [unknown target ");
            out.bytes(name.as_bytes());
            put!(out, " rev {revision}: {data}]");
            false
        }
        _ => {
            out.str(" [target without a rendering]");
            false
        }
    }
}
