//! By which jumps a packet can come to a chain: read off the rules, without a packet.

use crate::evaluate::Hook;
use crate::evaluate::place::{ChainRef, Place, TableRef};
use crate::ruleset::index::TableIndex;
use crate::ruleset::nft::Table;
use crate::sys::nft::{Expr, Reg, Value, Verdict};

/// How many ways to one chain are listed.
pub const MANY: usize = 64;
/// `NFT_JUMP_STACK_SIZE`
const STACK: usize = 16;

/// One way from a base chain to a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The base chain.
    pub base: ChainRef,
    /// The rules whose jumps have not come back yet, outermost first; a goto leaves none.
    pub stack: Vec<Place>,
}

/// A jump or goto.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    rule: usize,
    to: usize,
    comes_back: bool,
}

/// All ways from base chains at a hook to a chain, at most [`MANY`]. `at` says which table this is.
pub fn call_stacks(table: &Table, index: &TableIndex, at: TableRef, chain: usize, hook: Hook) -> Vec<Path> {
    let edges: Vec<Vec<Edge>> = (0..table.chains.len()).map(|c| edges(table, index, c)).collect();
    // Which chains lead there at all, so that no dead end is followed.
    let mut leads = vec![false; table.chains.len()];
    if let Some(l) = leads.get_mut(chain) {
        *l = true;
    }
    loop {
        let mut grown = false;
        for (c, out) in edges.iter().enumerate() {
            if !leads.get(c).copied().unwrap_or(true) && out.iter().any(|e| leads.get(e.to) == Some(&true)) {
                leads.get_mut(c).into_iter().for_each(|l| *l = true);
                grown = true;
            }
        }
        if !grown {
            break;
        }
    }
    let mut search = Search { at, edges, leads, chain, found: Vec::new() };
    for (c, def) in table.chains.iter().enumerate() {
        let Some(base) = &def.def.base else { continue };
        if Hook::from_nft(base.hook) == Some(hook) {
            search.follow(c, c, &mut Vec::new(), 0);
        }
    }
    search.found
}

struct Search {
    at: TableRef,
    edges: Vec<Vec<Edge>>,
    leads: Vec<bool>,
    chain: usize,
    found: Vec<Path>,
}

impl Search {
    fn follow(&mut self, base: usize, here: usize, stack: &mut Vec<Place>, depth: usize) {
        if self.found.len() >= MANY || depth > self.edges.len() || !self.leads.get(here).copied().unwrap_or(false) {
            return;
        }
        let chain = |chain| ChainRef { table: self.at, chain };
        if here == self.chain {
            let path = Path { base: chain(base), stack: stack.clone() };
            if !self.found.contains(&path) {
                self.found.push(path);
            }
            return;
        }
        for edge in self.edges.get(here).cloned().unwrap_or_default() {
            if !edge.comes_back {
                self.follow(base, edge.to, stack, depth + 1);
            } else if stack.len() < STACK {
                stack.push(Place { chain: ChainRef { table: self.at, chain: here }, position: Some(edge.rule + 1) });
                self.follow(base, edge.to, stack, depth + 1);
                stack.pop();
            }
        }
    }
}

/// The jumps of a chain, verdict maps included; each target once a rule.
fn edges(table: &Table, index: &TableIndex, chain: usize) -> Vec<Edge> {
    let mut out = Vec::new();
    let rules = table.chains.get(chain).map_or(&[][..], |c| &c.rules);
    for (rule, r) in rules.iter().enumerate() {
        let mut add = |v: &Verdict| {
            if let Some(to) = v.chain().and_then(|name| index.chain(name)) {
                let edge = Edge { rule, to, comes_back: matches!(v, Verdict::Jump(_)) };
                if !out[..].iter().rev().take_while(|e: &&Edge| e.rule == rule).any(|e| *e == edge) {
                    out.push(edge);
                }
            }
        };
        for e in &r.exprs {
            match e {
                Expr::Immediate(i) => i.verdict().into_iter().for_each(&mut add),
                Expr::Lookup(l) if l.dreg == Some(Reg::VERDICT) => {
                    let set = index.set(&l.set).and_then(|i| table.sets.get(i));
                    for element in set.into_iter().flat_map(|s| &s.elements) {
                        if let Some(Value::Verdict(v)) = &element.value {
                            add(v);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    out
}
