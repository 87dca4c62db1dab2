//! Targets: one file per extension, each with the payloads of all its revisions.

mod reject;

use serde::Serialize;

pub use reject::Reject;

use super::bytes::Bytes;
use super::family::Family;
use super::payload::RawTarget;
use super::table::Verdict;
use super::wire::read;
use crate::TextRef;
use crate::uapi::x_tables::{XT_ERROR_TARGET, XT_STANDARD_TARGET};

/// A target with its payload understood, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "target", rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Target<'a> {
    /// A verdict at once (`struct xt_standard_target` with a negative number).
    Verdict {
        /// The verdict.
        verdict: Verdict,
    },
    /// A jump (`struct xt_standard_target`): only [`Table`](super::Table) can tell to where.
    Jump {
        /// Offset into the blob.
        offset: u32,
    },
    /// The head of a user chain, or the end of a table (`struct xt_error_target`).
    Error {
        /// The chain's name.
        name: TextRef<'a>,
    },
    /// `-j REJECT`
    Reject(Reject),
    /// An extension or revision that is not known here, or a payload too short for it.
    Unknown {
        /// The extension's name.
        name: TextRef<'a>,
        /// Its revision.
        revision: u8,
        /// The payload.
        data: Bytes<'a>,
    },
}

/// Understands the payload of a target, from a legacy entry or from an nft_compat expression.
pub fn decode<'a>(family: Family, name: &'a [u8], revision: u8, data: &'a [u8]) -> Target<'a> {
    let known = match name {
        XT_STANDARD_TARGET => read::<i32>(data).map(|raw| match u32::try_from(raw) {
            Ok(offset) => Target::Jump { offset },
            Err(_) => Target::Verdict { verdict: Verdict::from_standard(raw) },
        }),
        XT_ERROR_TARGET => Some(Target::Error { name: TextRef::from_c(data) }),
        b"REJECT" => Reject::decode(family, revision, data).map(Target::Reject),
        _ => None,
    };
    known.unwrap_or(Target::Unknown { name: TextRef::new(name), revision, data: Bytes(data) })
}

impl<'a> RawTarget<'a> {
    /// Understands its payload.
    pub fn decode(&self, family: Family) -> Target<'a> {
        decode(family, self.name.as_bytes(), self.revision, self.data.0)
    }
}
