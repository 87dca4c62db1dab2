//! By which jumps a packet can come to a chain: read off the rules, without a packet.

use rustc_hash::FxHashSet;

use crate::evaluate::Hook;
use crate::evaluate::place::{ChainRef, Place, TableRef};
use crate::ruleset::index::TableIndex;
use crate::ruleset::nft::Table;
use crate::sys::nft::{Expr, Reg, Value, Verdict};

/// How many ways to one chain are listed.
pub const MANY: usize = 64;
/// How many chains are entered to find them.
const MOST: usize = 64 * MANY;
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

/// The ways from base chains at a hook to a chain, at most [`MANY`]; `at` says which table this is. False if there may be more.
pub fn call_stacks(table: &Table, index: &TableIndex, at: TableRef, chain: usize, hook: Hook) -> (Vec<Path>, bool) {
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
    let mut search = Search { at, edges, leads, chain, found: Vec::new(), seen: FxHashSet::default() };
    for (c, def) in table.chains.iter().enumerate() {
        let Some(base) = &def.def.base else { continue };
        if Hook::from_nft(base.hook) == Some(hook) {
            search.follow(c, c, &mut Vec::new(), 0);
        }
    }
    let all = search.found.len() < MANY && search.seen.len() < MOST;
    (search.found, all)
}

struct Search {
    at: TableRef,
    edges: Vec<Vec<Edge>>,
    leads: Vec<bool>,
    chain: usize,
    found: Vec<Path>,
    /// Where the search has been: gotos may lead to one place in many ways.
    seen: FxHashSet<(usize, usize, Vec<Place>)>,
}

impl Search {
    fn follow(&mut self, base: usize, here: usize, stack: &mut Vec<Place>, depth: usize) {
        if self.found.len() >= MANY
            || self.seen.len() >= MOST
            || depth > self.edges.len()
            || !self.leads.get(here).copied().unwrap_or(false)
        {
            return;
        }
        if !self.seen.insert((base, here, stack.clone())) {
            return;
        }
        let chain = |chain| ChainRef { table: self.at, chain };
        if here == self.chain {
            self.found.push(Path { base: chain(base), stack: stack.clone() });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::ruleset::nft::Chain;
    use crate::sys::nft::expr::{Lookup, LookupFlags};
    use crate::sys::nft::{self as wire, Family, SetFlags};

    fn jump(to: &str) -> Vec<Expr> {
        vec![says(Verdict::Jump(text(to)))]
    }

    fn goto(to: &str) -> Vec<Expr> {
        vec![says(Verdict::Goto(text(to)))]
    }

    fn base(name: &str, hook: wire::Hook, rules: Vec<Vec<Expr>>) -> Chain {
        chain(name, hook, Some(Verdict::Accept), rules)
    }

    #[test]
    fn every_way_to_a_chain_is_found_once() {
        let map = Expr::Lookup(Lookup {
            set: "m".into(),
            set_id: None,
            sreg: Reg::R1,
            dreg: Some(Reg::VERDICT),
            flags: LookupFlags::empty(),
        });
        let mut t = table(Family::Inet);
        t.sets = vec![members(
            "m",
            SetFlags::MAP,
            1,
            vec![
                element(&[1], Some(Value::Verdict(Verdict::Jump(text("c"))))),
                element(&[2], Some(Value::Verdict(Verdict::Jump(text("c"))))),
                element(&[3], Some(Value::Verdict(Verdict::Drop))),
            ],
        )];
        t.chains = vec![
            base("in", wire::Hook::Input, vec![jump("a"), goto("a"), vec![map]]),
            base("out", wire::Hook::Output, vec![jump("c")]),
            chain("a", wire::Hook::Input, None, vec![jump("b"), jump("c")]),
            chain("b", wire::Hook::Input, None, vec![]),
            chain("c", wire::Hook::Input, None, vec![]),
        ];
        let index = TableIndex::new(&t);
        let at = TableRef::Nft(3);
        let ways = |chain, hook| -> Vec<Vec<(usize, usize)>> {
            let (found, all) = call_stacks(&t, &index, at, chain, hook);
            assert!(all);
            assert!(found.iter().all(|p| p.base.table == at));
            found.iter().map(|p| p.stack.iter().map(|s| (s.chain.chain, s.position.unwrap_or(0))).collect()).collect()
        };
        assert_eq!(ways(4, Hook::Input), [vec![(0, 1), (2, 2)], vec![(2, 2)], vec![(0, 3)]]);
        assert_eq!(ways(4, Hook::Output), [vec![(1, 1)]]);
        assert_eq!(ways(0, Hook::Input), [Vec::new()]);
        assert!(ways(0, Hook::Forward).is_empty() && ways(3, Hook::Output).is_empty());
    }

    #[test]
    fn circles_and_crowds_end() {
        let mut t = table(Family::Inet);
        t.chains = vec![base("in", wire::Hook::Input, vec![jump("a")])];
        t.chains.extend(["a", "b"].map(|n| {
            let both: Vec<_> = (0..40).flat_map(|_| [jump("a"), jump("b"), goto("b")]).collect();
            chain(n, wire::Hook::Input, None, both)
        }));
        let index = TableIndex::new(&t);
        let (found, all) = call_stacks(&t, &index, TableRef::Nft(0), 2, Hook::Input);
        assert!(found.len() <= MANY && !all);
        // Layers of chains, each of which goes on to all of the next: many ways that are all the same one.
        let layers = |to: fn(&str) -> Vec<Expr>| {
            let mut t = table(Family::Inet);
            t.chains = vec![base("in", wire::Hook::Input, vec![to("c0.0")])];
            for layer in 0..15 {
                t.chains.extend((0..6).map(|n| {
                    let next = (0..6).filter(|_| layer < 14).map(|n| to(&format!("c{}.{n}", layer + 1))).collect();
                    chain(&format!("c{layer}.{n}"), wire::Hook::Input, None, next)
                }));
            }
            let index = TableIndex::new(&t);
            let (found, all) = call_stacks(&t, &index, TableRef::Nft(0), t.chains.len() - 1, Hook::Input);
            (found.len(), all)
        };
        assert_eq!(layers(goto), (1, true));
        assert_eq!(layers(jump), (MANY, false));
    }
}
