//! `-m comment`

use nfblame_sys::xt::matches::Comment;

use super::Out;

pub(super) fn render(m: &Comment<'_>, out: &mut Out) {
    out.str(" --comment");
    // The tool cuts at the size of its buffer, less the NUL.
    out.string(m.comment.as_bytes());
}
