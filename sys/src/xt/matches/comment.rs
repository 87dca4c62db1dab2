//! `-m comment`: matches always (include/uapi/linux/netfilter/xt_comment.h).

use serde::Serialize;

use crate::TextRef;

/// A comment, at most 255 bytes (`struct xt_comment_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Comment<'a> {
    /// The text.
    pub comment: TextRef<'a>,
}

impl<'a> Comment<'a> {
    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        (revision == 0).then(|| Self { comment: TextRef::from_c(data) })
    }
}
