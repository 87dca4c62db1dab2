//! Rules that become text as they are read.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::ruleset::nft::{Chain, Table};
use crate::ruleset::render::Out;
use crate::ruleset::render::nft::View;
use crate::sys::nft::Rule;

/// Turns rules into text.
pub trait RuleWriter {
    /// Writes rules of one chain, a line each.
    fn write(&self, view: &View<'_>, rules: &[Rule], out: &mut Out);

    /// Is that a rule which the tool refuses to list?
    fn refuses(&self, _rule: &Rule) -> bool {
        false
    }
}

/// The text of rules, by chain.
#[derive(Debug, Default)]
pub struct RuleTexts {
    /// What each reader wrote: all of a chain, or nothing of it.
    parts: Vec<Part>,
}

/// What one reader wrote.
#[derive(Debug, Default)]
pub(super) struct Part {
    out: Out,
    /// By the handles of table and chain, which no other has.
    chains: FxHashMap<(u64, u64), Range<usize>>,
    refused: Vec<(u64, u64)>,
}

impl RuleTexts {
    pub(super) fn new(parts: Vec<Part>) -> Self {
        Self { parts }
    }

    /// The rules of a chain.
    pub fn of(&self, table: &Table, chain: &Chain) -> &[u8] {
        let handles = (table.def.handle, chain.def.handle);
        let written = self.parts.iter().find_map(|p| p.out.as_bytes().get(p.chains.get(&handles)?.clone()));
        written.unwrap_or_default()
    }

    /// Has the chain a rule that the tool refuses to list?
    pub fn is_refused(&self, table: &Table, chain: &Chain) -> bool {
        self.parts.iter().any(|p| p.refused.contains(&(table.def.handle, chain.def.handle)))
    }
}

/// Rules of one chain that wait to be written together: what writing them needs is prepared for many.
#[derive(Default)]
pub(super) struct Batch {
    at: (usize, usize),
    rules: Vec<Rule>,
}

/// How many rules wait.
const MANY: usize = 64;

impl Batch {
    pub fn take(
        &mut self,
        at: (usize, usize),
        rule: Rule,
        views: &[View<'_>],
        writer: &impl RuleWriter,
        texts: &mut Part,
    ) {
        if at != self.at || self.rules.len() >= MANY {
            self.write(views, writer, texts);
        }
        self.at = at;
        self.rules.push(rule);
    }

    pub fn write(&mut self, views: &[View<'_>], writer: &impl RuleWriter, texts: &mut Part) {
        let (Some(view), false) = (views.get(self.at.0), self.rules.is_empty()) else { return };
        let Some(chain) = view.table().chains.get(self.at.1) else { return };
        let handles = (view.table().def.handle, chain.def.handle);
        let start = texts.out.len();
        writer.write(view, &self.rules, &mut texts.out);
        texts.chains.entry(handles).or_insert(start..start).end = texts.out.len();
        if self.rules.iter().any(|r| writer.refuses(r)) && texts.refused.last() != Some(&handles) {
            texts.refused.push(handles);
        }
        self.rules.clear();
    }
}
