//! Matches: one file per extension, each with the payloads of all its revisions.

mod comment;
mod tcp;

use serde::Serialize;

pub use comment::Comment;
pub use tcp::Tcp;

use super::bytes::Bytes;
use super::family::Family;
use super::payload::RawMatch;
use crate::TextRef;

/// A match with its payload understood, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "match", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Match<'a> {
    /// `-m comment`
    Comment(Comment<'a>),
    /// `-m tcp`
    Tcp(Tcp),
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

/// Understands the payload of a match, from a legacy entry or from an nft_compat expression.
pub fn decode<'a>(_family: Family, name: &'a [u8], revision: u8, data: &'a [u8]) -> Match<'a> {
    let known = match name {
        b"comment" => Comment::decode(revision, data).map(Match::Comment),
        b"tcp" => Tcp::decode(revision, data).map(Match::Tcp),
        _ => None,
    };
    known.unwrap_or(Match::Unknown { name: TextRef::new(name), revision, data: Bytes(data) })
}

impl<'a> RawMatch<'a> {
    /// Understands its payload.
    pub fn decode(&self, family: Family) -> Match<'a> {
        decode(family, self.name.as_bytes(), self.revision, self.data.0)
    }
}
