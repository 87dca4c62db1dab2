//! A whole rule: conditions, matches, target.

use std::fmt;

use nfblame_sys::text::defang_to;
use nfblame_sys::xt::{Counters, Match, Selector, Target};
use nfblame_sys::{Text, TextRef};
use serde::{Serialize, Serializer};

use super::{Context, Out, matches, put, selector, targets};

/// What a rule does, with chains named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jump<'a> {
    /// Nothing: the next rule is tried.
    None,
    /// `-j` to a verdict or a chain.
    Jump(TextRef<'a>),
    /// `-g` to a chain.
    Goto(TextRef<'a>),
    /// `-j` to an extension.
    Target(Target<'a>),
}

/// A line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The line as the tool would write it, raw and without its newline.
    pub line: Text,
    /// Is every part of it in the tool's own words? If not, it has a part in brackets.
    pub complete: bool,
}

impl Rendered {
    pub(super) fn new(out: Out) -> Self {
        let complete = out.is_complete();
        Self { line: out.into_text(), complete }
    }
}

/// As it is where every character is harmless; what could fool a terminal is escaped. Unlike [`Text`]'s own display, a
/// backslash stays single: the tools' quoting uses it.
impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        defang_to(self.line.as_bytes(), f)
    }
}

impl Serialize for Rendered {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Appends `[packets:bytes] `.
pub(super) fn counters(c: Counters, out: &mut Out) {
    put!(out, "[{}:{}] ", c.packets, c.bytes);
}

/// Appends a rule of `chain` from ` -s` on.
pub(super) fn body<'a>(
    s: &Selector,
    all: impl IntoIterator<Item = Match<'a>>,
    jump: &Jump<'_>,
    cx: &Context<'_>,
    out: &mut Out,
) {
    match s {
        Selector::Ip(s) => selector::ip(s, out),
        Selector::Ip6(s) => selector::ip6(s, out),
        Selector::Arp(_) => out.unknown(format_args!("an ARP rule among IP rules")),
    }
    for m in all {
        matches::render(&m, cx, out);
    }
    match jump {
        Jump::None => {}
        Jump::Jump(name) => named(" -j ", *name, out),
        Jump::Goto(name) => named(" -g ", *name, out),
        Jump::Target(target) => {
            if !targets::render(target, cx, out) {
                out.set_incomplete();
            }
        }
    }
}

fn named(option: &str, name: TextRef<'_>, out: &mut Out) {
    out.str(option);
    out.bytes(name.as_bytes());
}
