//! Matches and targets of xtables, in the words that nft finds for them with the help of libxtables.
//!
//! What libxtables cannot translate is shown as `xt match NAME`, without its options.

mod bridge;
mod matches;
mod targets;
mod words;

use nfblame_sys::nft::Family;
use nfblame_sys::nft::expr::XtBlob;
use nfblame_sys::xt;

use super::header::Header;
use super::{Names, Writer};
use crate::ruleset::render::out::Out;
use words::{Words, add};

/// A match or target in a rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statement<'r> {
    blob: &'r XtBlob,
    is_match: bool,
    family: Family,
    /// The transport header that the rule asks for.
    transport: Option<&'static Header>,
}

impl<'r> Statement<'r> {
    pub fn new_match(blob: &'r XtBlob) -> Self {
        Self { blob, is_match: true, family: Family::Unspec, transport: None }
    }

    pub fn new_target(blob: &'r XtBlob) -> Self {
        Self { is_match: false, ..Self::new_match(blob) }
    }

    /// With what the rule says about the packet.
    pub fn in_rule(self, family: Family, transport: Option<&'static Header>) -> Self {
        Self { family, transport, ..self }
    }
}

/// Where a translation is asked for.
#[derive(Clone, Copy)]
struct Context<'a> {
    family: xt::Family,
    revision: u8,
    names: &'a dyn Names,
    transport: Option<&'static Header>,
}

impl Context<'_> {
    /// `ip` or `ip6`.
    fn ip(self) -> &'static str {
        if self.family == xt::Family::Ip6 { "ip6" } else { "ip" }
    }
}

/// Writes a match or target; false if it was not translated.
pub(super) fn write(cx: Writer<'_>, s: Statement<'_>, out: &mut Out) -> bool {
    let begin = out.len();
    if translate(cx, s, out) {
        let blanks = out.as_bytes().iter().skip(begin).rev().take_while(|b| b.is_ascii_whitespace()).count();
        out.truncate(out.len() - blanks);
        return true;
    }
    out.truncate(begin);
    out.str(if s.is_match { "xt match " } else { "xt target " });
    out.bytes(s.blob.name.as_bytes());
    false
}

fn translate(cx: Writer<'_>, s: Statement<'_>, out: &mut Out) -> bool {
    let Some(family) = xt::Family::from_nfproto(s.family.code()) else { return false };
    let XtBlob { name, revision, data } = s.blob;
    let context = Context { family, revision: *revision, names: cx.names, transport: s.transport };
    let mut words = Words::new(out);
    if family == xt::Family::Bridge {
        let translated = match s.is_match {
            true => bridge::translate_match(s.blob, context, &mut words),
            false => bridge::translate_target(s.blob, &mut words),
        };
        return translated.is_some();
    }
    if s.is_match {
        matches::translate(&xt::matches::decode(family, name.as_bytes(), *revision, data), context, &mut words)
    } else {
        targets::translate(&xt::targets::decode(family, name.as_bytes(), *revision, data), context, &mut words)
    }
}
