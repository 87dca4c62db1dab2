//! Matches and targets before their payload is understood.

use super::bytes::Bytes;
use super::wire::{XtHeader, read};
use crate::TextRef;
use crate::error::Malformed;

/// One match of an entry (`struct xt_entry_match`) or of an nft_compat expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawMatch<'a> {
    /// The extension's name.
    pub name: TextRef<'a>,
    /// The revision of its payload.
    pub revision: u8,
    /// The payload, perhaps padded to eight bytes.
    pub data: Bytes<'a>,
}

/// The target of an entry (`struct xt_entry_target`) or of an nft_compat expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawTarget<'a> {
    /// The extension's name; empty for verdicts and jumps.
    pub name: TextRef<'a>,
    /// The revision of its payload.
    pub revision: u8,
    /// The payload, perhaps padded to eight bytes.
    pub data: Bytes<'a>,
}

/// The matches of an entry in order. A broken size ends them with one error.
#[derive(Debug, Clone)]
pub struct RawMatches<'a> {
    rest: &'a [u8],
}

impl<'a> RawMatches<'a> {
    /// Matches that fill `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for RawMatches<'a> {
    type Item = Result<RawMatch<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match split(self.rest) {
            Ok((name, revision, data, rest)) => {
                self.rest = rest;
                Some(Ok(RawMatch { name, revision, data }))
            }
            Err(e) => {
                self.rest = &[];
                Some(Err(e))
            }
        }
    }
}

impl<'a> RawTarget<'a> {
    /// The target at the front of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        split(bytes).map(|(name, revision, data, _)| Self { name, revision, data })
    }
}

/// Name, revision, payload, and what comes behind.
type Parts<'a> = (TextRef<'a>, u8, Bytes<'a>, &'a [u8]);

fn split(bytes: &[u8]) -> Result<Parts<'_>, Malformed> {
    const HEADER: usize = size_of::<XtHeader>();
    const NAME: std::ops::Range<usize> = 2..HEADER - 1;
    let header: XtHeader = read(bytes).ok_or(Malformed::Short { want: HEADER, have: bytes.len() })?;
    let claimed = usize::from(header.size);
    let broken = Malformed::Length { claimed, available: bytes.len() };
    let data = bytes.get(HEADER..claimed).ok_or(broken)?;
    let rest = bytes.get(claimed..).ok_or(broken)?;
    let name = TextRef::from_c(bytes.get(NAME).ok_or(broken)?);
    Ok((name, header.revision, Bytes(data), rest))
}
