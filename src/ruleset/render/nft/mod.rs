//! Rules in the words of `nft list ruleset` (nftables 1.0.6).
//!
//! A rule is taken apart in three steps. Loading (`load`) follows the registers: what an expression puts into a
//! register is kept as an operand until another uses it. Resolving (`resolve`) finds out what the operands mean, and
//! which comparisons nft adds by itself and does not show. Writing (`statement`, `expression`) turns the rest into text.

mod chain;
mod datatype;
mod expression;
mod extension;
mod flowtable;
mod header;
mod key;
mod load;
mod named;
mod names;
mod object;
mod resolve;
mod rule;
mod set;
mod statement;
mod table;
#[cfg(test)]
mod tests;
mod tree;
mod view;
mod xt;

use std::io;

use super::Out;
use super::out::put;
use crate::ruleset::nft::Table;
use crate::ruleset::{RuleTexts, RuleWriter, Ruleset};
use crate::sys::Text;
use crate::sys::nft::{Element, Rule};

pub(crate) use datatype::symbols;
pub use named::{Named, named};
pub use names::{Names, System};
pub use view::View;

/// How a ruleset is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// With handles (`nft -a`).
    pub handles: bool,
    /// Without counters and other state (`nft -s`).
    pub stateless: bool,
    /// Without the elements of named sets (`nft -t`).
    pub terse: bool,
    /// With numbers in place of names (`nft -n`).
    pub numeric: bool,
}

/// A rule as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: Text,
    /// Did everything have words in nft's language? If not, what had none stands there raw, in brackets.
    pub complete: bool,
}

/// What every writer needs.
#[derive(Clone, Copy)]
struct Writer<'a> {
    names: &'a dyn Names,
    handles: bool,
    stateless: bool,
    terse: bool,
    numeric: bool,
}

impl<'a> Writer<'a> {
    fn new(options: Options, names: &'a dyn Names) -> Self {
        let Options { handles, stateless, terse, numeric } = options;
        Self { names, handles, stateless, terse, numeric }
    }

    fn printer(self) -> datatype::Printer<'a> {
        datatype::Printer { numeric: self.numeric, ..datatype::Printer::new(self.names) }
    }

    /// Writes ` # handle 7` where that is asked for.
    fn handle(self, handle: u64, out: &mut Out) {
        if self.handles {
            out.str(" # handle ");
            out.dec(handle);
        }
    }
}

/// Writes one rule, as it stands in a line of `nft list ruleset`.
pub fn rule(view: &View<'_>, rule: &Rule, options: Options, names: &dyn Names) -> Rendered {
    let mut out = Out::new();
    let complete = rule::Scratch::default().write(Writer::new(options, names), view, rule, &mut out);
    Rendered { text: out.into_text(), complete }
}

/// The elements of a set or map, each as it stands in nft's listing of it.
pub fn elements<'a>(view: &View<'a>, set: &Text, options: Options, names: &dyn Names) -> Vec<(&'a Element, Text)> {
    let mut all = Vec::new();
    if let Some(set) = view.set(set) {
        set::each_element(Writer::new(options, names), set, false, |e, text| all.push((e, text.into_text())));
    }
    all
}

/// What an element of a set or map of that table matches, as nft is told to delete it. None: the set does not have it.
pub fn key(table: &Table, set: &Text, element: &Element) -> Option<Text> {
    let view = View::new(table);
    let mut found = None;
    set::each_element(Writer::new(Options::default(), &()), view.set(set)?, true, |e, text| {
        if e == element {
            found = Some(text.into_text());
        }
    });
    found
}

/// Writes all tables of nf_tables, as `nft list ruleset` does. What has no words in nft's language stands there raw,
/// in brackets. Names and comments are written as they are: a terminal needs protection from them.
///
/// # Errors
/// When writing fails.
pub fn ruleset(ruleset: &Ruleset, options: Options, names: &dyn Names, to: &mut impl io::Write) -> io::Result<()> {
    write(ruleset, None, options, names, to)
}

/// Writes the same of a ruleset that was read [with its rules as text](Ruleset::read_nft_as_text), by a [`Lines`] with the
/// same options.
///
/// # Errors
/// When writing fails.
pub fn ruleset_of_texts(
    ruleset: &Ruleset,
    texts: &RuleTexts,
    options: Options,
    names: &dyn Names,
    to: &mut impl io::Write,
) -> io::Result<()> {
    write(ruleset, Some(texts), options, names, to)
}

/// Writes rules as they stand in nft's listing, while they are read.
#[derive(Clone, Copy)]
pub struct Lines<'a> {
    cx: Writer<'a>,
}

impl<'a> Lines<'a> {
    /// With these options.
    pub fn new(options: Options, names: &'a dyn Names) -> Self {
        Self { cx: Writer::new(options, names) }
    }
}

impl RuleWriter for Lines<'_> {
    fn write(&self, view: &View<'_>, rules: &[Rule], out: &mut Out) {
        let _ = rule::lines(self.cx, view, rules, chain::INDENT, out, &mut |_| Ok::<_, std::convert::Infallible>(()));
    }
}

fn write(
    ruleset: &Ruleset,
    texts: Option<&RuleTexts>,
    options: Options,
    names: &dyn Names,
    to: &mut impl io::Write,
) -> io::Result<()> {
    /// How much is collected before it is written.
    const CHUNK: usize = 64 << 10;
    let cx = Writer::new(options, names);
    let mut out = Out::new();
    for table in &ruleset.nft {
        table::write(cx, table, texts, &mut out, &mut |out| {
            if out.len() >= CHUNK {
                to.write_all(out.as_bytes())?;
                out.truncate(0);
            }
            Ok::<_, io::Error>(())
        })?;
    }
    to.write_all(out.as_bytes())
}
