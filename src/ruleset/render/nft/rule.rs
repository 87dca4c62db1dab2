//! Rules, and the anonymous chains in them.

use nfblame_sys::nft::{ChainFlags, Rule, Verdict, userdata};

use super::load::Loader;
use super::resolve::Resolver;
use super::statement::{self, Stmt};
use super::tree::Tree;
use super::view::View;
use super::{Out, Writer};
use crate::ruleset::nft::Chain;

/// Memory that one rule after the other is taken apart in.
#[derive(Default)]
pub(super) struct Scratch<'r> {
    tree: Tree<'r>,
    loaded: Vec<Stmt<'r>>,
    shown: Vec<Option<Stmt<'r>>>,
}

impl<'r> Scratch<'r> {
    /// Writes a rule; false if something had no words in nft's language.
    pub fn write(&mut self, cx: Writer<'_>, view: &'r View<'r>, rule: &'r Rule, out: &mut Out) -> bool {
        self.tree.clear();
        self.loaded.clear();
        self.shown.clear();
        let mut loader = Loader::new(view, &mut self.tree, &mut self.loaded);
        for expr in &rule.exprs {
            loader.take(expr);
        }
        let mut complete = loader.complete;
        let mut resolver = Resolver::new(view.family(), &mut self.tree, &mut self.shown);
        for stmt in self.loaded.drain(..) {
            resolver.take(stmt);
        }
        let mut begun = false;
        for stmt in self.shown.iter().flatten() {
            if std::mem::replace(&mut begun, true) {
                out.str(" ");
            }
            complete &= match stmt {
                Stmt::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) if let Some(chain) = view.block(name) => {
                    let word = if matches!(stmt, Stmt::Verdict(Verdict::Jump(_))) { "jump" } else { "goto" };
                    block(cx, view, word, chain, out)
                }
                stmt => statement::write(cx, &self.tree, stmt, out),
            };
        }
        comment(rule, out);
        cx.handle(rule.handle, out);
        complete && rule.unread.is_empty()
    }
}

/// Writes an anonymous chain in place of the jump to it.
fn block<'r>(cx: Writer<'_>, view: &'r View<'r>, word: &str, chain: &'r Chain, out: &mut Out) -> bool {
    out.str(word);
    out.str(" {\n");
    let complete = rules(cx, view, chain, "\t\t\t", out, &mut |_| Ok::<_, std::convert::Infallible>(()));
    out.str("\t\t}");
    complete.unwrap_or_else(|e| match e {})
}

/// Writes the rules of a chain, a line each; false if something had no words.
pub(super) fn rules<'r, E>(
    cx: Writer<'_>,
    view: &'r View<'r>,
    chain: &'r Chain,
    indent: &str,
    out: &mut Out,
    flush: &mut impl FnMut(&mut Out) -> Result<(), E>,
) -> Result<bool, E> {
    // Rules of an anonymous chain cannot be named by handle.
    let cx = Writer { handles: cx.handles && !chain.def.flags.contains(ChainFlags::BINDING), ..cx };
    lines(cx, view, &chain.rules, indent, out, flush)
}

/// Writes rules, a line each; false if something had no words.
pub(super) fn lines<'r, E>(
    cx: Writer<'_>,
    view: &'r View<'r>,
    rules: &'r [Rule],
    indent: &str,
    out: &mut Out,
    flush: &mut impl FnMut(&mut Out) -> Result<(), E>,
) -> Result<bool, E> {
    let mut scratch = Scratch::default();
    let mut complete = true;
    for rule in rules {
        out.str(indent);
        complete &= scratch.write(cx, view, rule, out);
        out.str("\n");
        flush(out)?;
    }
    Ok(complete)
}

fn comment(rule: &Rule, out: &mut Out) {
    let Some(comment) = rule.userdata.get(userdata::COMMENT) else { return };
    // nft takes a comment without its final NUL for no comment.
    if let Some((0, _)) = comment.split_last() {
        let end = comment.iter().position(|b| *b == 0).unwrap_or(comment.len());
        out.str(" comment \"");
        out.bytes(comment.get(..end).unwrap_or_default());
        out.str("\"");
    }
}
