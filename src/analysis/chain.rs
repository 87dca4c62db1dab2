//! Chains: which of their rules nothing is left for.

use rustc_hash::FxHashMap;

use crate::evaluate::{ChainRef, TableRef};
use crate::finding::act::{self, Act};
use crate::ruleset::{Ruleset, nft};
use crate::sys::nft::{Expr, ObjectKind, Rule, Verdict as NftVerdict};
use crate::sys::xt::{self, Action};
use crate::sys::{Text, nft as wire};

use super::axis::{Axes, Changes};
use super::cover::{Index, Verdict};
use super::jump::MOST_READ;
use super::shape::{Ends, Shape};

/// Why a rule never matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dead {
    /// Its own conditions exclude each other.
    Contradictory,
    /// Every packet ends at this rule before, or even earlier: the packets that it matches end at these rules, and so.
    Behind(usize, Vec<(usize, Ends)>),
    /// All that it matches ends at these rules before, the first one first, and so.
    Covered(Vec<(usize, Ends)>),
    /// It could not be told.
    TooComplex,
}

/// A chain that was looked through.
#[derive(Debug, Default)]
pub struct Analysed {
    /// Its rules.
    pub shapes: Vec<Shape>,
    /// Those that never match, by position from 1.
    pub dead: Vec<(usize, Dead)>,
    /// The axes of the boxes.
    pub axes: Axes,
}

impl Analysed {
    /// The rule at a position, from 1.
    pub fn shape(&self, position: usize) -> Option<&Shape> {
        self.shapes.get(position.checked_sub(1)?)
    }
}

/// The chains of a ruleset, and what is to be known of all to understand one.
pub struct Chains<'a> {
    rules: &'a Ruleset,
    /// Chains in which every packet is decided about.
    ends: FxHashMap<ChainRef, bool>,
    changes: FxHashMap<ChainRef, Changes>,
    names: FxHashMap<(TableRef, Text), ChainRef>,
    /// So many rules of other chains may still be read for the one that is looked through.
    pub(super) may_read: usize,
}

/// Jumps may be nested so deep; a damaged table may have circles.
const DEPTH: usize = 32;

impl<'a> Chains<'a> {
    /// Of a ruleset.
    pub fn new(rules: &'a Ruleset) -> Self {
        let mut names = FxHashMap::default();
        for chain in crate::listing::chains(rules) {
            let name = match chain.table {
                TableRef::Nft(t) => {
                    rules.nft.get(t).and_then(|t| t.chains.get(chain.chain)).map(|c| c.def.name.clone())
                }
                TableRef::Xt(t) => rules.xt.get(t).and_then(|t| t.nth_chain(chain.chain)).map(|c| c.name().clone()),
            };
            names.extend(name.map(|n| ((chain.table, n), chain)));
        }
        Self { rules, ends: FxHashMap::default(), changes: FxHashMap::default(), names, may_read: 0 }
    }

    /// The ruleset.
    pub(super) fn rules(&self) -> &'a Ruleset {
        self.rules
    }

    /// The chain of that name in a table.
    pub fn named(&self, table: TableRef, name: &Text) -> Option<ChainRef> {
        self.names.get(&(table, name.clone())).copied()
    }

    /// Looks a chain through.
    pub fn analyse(&mut self, chain: ChainRef) -> Analysed {
        let mut this = Analysed::default();
        self.may_read = MOST_READ;
        this.shapes = self.shapes(chain, &mut this.axes, 0);
        let covers = this.shapes.iter().flat_map(|s| &s.covers).map(|(r, _)| r);
        let mut index = Index::new(covers, &this.axes);
        let mut owners: Vec<(usize, Ends)> = Vec::new();
        let mut end = None;
        let mut attributed = 0;
        for (n, shape) in (1..).zip(&this.shapes) {
            let dead = if shape.is_empty() {
                Some(Dead::Contradictory)
            } else if let Some(end) = end {
                Some(Dead::Behind(end, Vec::new()))
            } else {
                dead(shape, &mut index, &owners, &this.axes)
            };
            // Which rules take its packets takes longer to say than that some do: beyond a number of them it is left open.
            let dead = match dead {
                Some(Dead::Behind(..) | Dead::Covered(_)) if attributed < MOST_ATTRIBUTED => {
                    attributed += 1;
                    attribute(dead, shape, &index, &owners, &this.axes)
                }
                dead => dead,
            };
            this.dead.extend(dead.map(|d| (n, d)));
            for (region, ends) in &shape.covers {
                if region.is_all() {
                    end = end.or(Some(n));
                }
                index.add(region.clone());
                owners.push((n, ends.clone()));
            }
        }
        this
    }

    /// The rules of a chain.
    pub(super) fn shapes(&mut self, chain: ChainRef, axes: &mut Axes, depth: usize) -> Vec<Shape> {
        let rules = self.rules;
        let mut all = Vec::new();
        match chain.table {
            TableRef::Nft(t) => {
                let Some(table) = rules.nft.get(t) else { return all };
                let Some(c) = table.chains.get(chain.chain) else { return all };
                for rule in &c.rules {
                    let shape = self.nft(chain.table, table, rule, axes, depth);
                    axes.change(shape.changes);
                    all.push(shape);
                }
            }
            TableRef::Xt(t) => {
                let Some(table) = rules.xt.get(t) else { return all };
                let Some(c) = table.nth_chain(chain.chain) else { return all };
                for rule in c.rules() {
                    let shape = self.xt(chain.table, table.family(), &rule, axes, depth);
                    axes.change(shape.changes);
                    all.push(shape);
                }
            }
        }
        all
    }

    fn nft(&mut self, at: TableRef, table: &nft::Table, rule: &Rule, axes: &mut Axes, depth: usize) -> Shape {
        let mut reader = super::nft::Reader::new(table, axes);
        reader.read(rule);
        let (conditions, map) = (reader.conditions, reader.map);
        let mut shape = Shape::of(conditions);
        for e in &rule.exprs {
            shape.changes = shape.changes.or(changes(e));
        }
        for (region, verdict) in map {
            let act = act::verdict(&verdict);
            if let Act::Jump(to) | Act::Goto(to) = &act {
                shape.changes = shape.changes.or(self.changes(at, to, depth));
            }
            if self.is_end(at, &act, depth) {
                shape.covers.push((region, self.end(act)));
            }
        }
        self.finish(at, shape, act::of_nft(rule), axes, depth)
    }

    fn xt(&mut self, at: TableRef, family: xt::Family, rule: &xt::Rule<'_>, axes: &mut Axes, depth: usize) -> Shape {
        let conditions = super::xt::conditions(rule, axes);
        let mut shape = Shape::of(conditions);
        if let Ok(Action::Target(t)) = rule.action() {
            shape.changes = target_changes(t.name.as_bytes());
        }
        self.finish(at, shape, act::of_xt(family, rule), axes, depth)
    }

    /// What the acts of a rule mean for those behind it.
    fn finish(&mut self, at: TableRef, mut shape: Shape, acts: Vec<Act>, axes: &mut Axes, depth: usize) -> Shape {
        for act in &acts {
            if let Act::Jump(to) | Act::Goto(to) = act {
                shape.changes = shape.changes.or(self.changes(at, to, depth));
            }
        }
        let Some(last) = acts.into_iter().find(|a| !matches!(a, Act::Log(_) | Act::Notrack)) else { return shape };
        let ends = self.is_end(at, &last, depth);
        if matches!(last, Act::Vmap(_) | Act::Unknown) {
            return shape;
        }
        if let (Act::Jump(to), false, true) = (&last, ends, shape.exact) {
            shape.covers = self.taken_by_jump(at, to, &shape.regions, axes, depth);
        }
        let end = self.end(last);
        if ends {
            if shape.exact {
                shape.covers = shape.regions.iter().map(|r| (r.clone(), end.clone())).collect();
            }
            shape.ends = Some(end);
        }
        shape
    }

    fn end(&self, act: Act) -> Ends {
        match act {
            Act::Jump(to) => Ends::In(to),
            act => Ends::By(act),
        }
    }

    /// Does no packet that comes to this act come to the next rule of the chain?
    fn is_end(&mut self, at: TableRef, act: &Act, depth: usize) -> bool {
        match act {
            Act::Jump(to) => self.named(at, to).is_some_and(|c| self.always_ends(c, depth + 1)),
            Act::Takes | Act::Unknown | Act::Vmap(_) | Act::Log(_) | Act::Notrack => false,
            // In a table of both families a translation passes over packets of the other one.
            Act::Dnat(_) | Act::Snat(_) => match at {
                TableRef::Nft(t) => self.rules.nft.get(t).is_some_and(|t| t.def.family != wire::Family::Inet),
                TableRef::Xt(_) => true,
            },
            _ => true,
        }
    }

    /// Is every packet that enters a chain decided about before it could come back?
    pub fn always_ends(&mut self, chain: ChainRef, depth: usize) -> bool {
        if let Some(known) = self.ends.get(&chain) {
            return *known;
        }
        if depth > DEPTH {
            return false;
        }
        self.ends.insert(chain, false); // for circles
        let mut all = Vec::new();
        act::each(self.rules, chain, |at, acts| all.push((at, acts)));
        let mut axes = Axes::default();
        let mut ends = false;
        for (at, acts) in all {
            let returns = |a: &Act| matches!(a, Act::Return | Act::Unknown | Act::Vmap(_));
            if acts.iter().any(returns) {
                break;
            }
            // A goto leads to a chain that may come back to where this one was called from.
            let mut leads = None;
            if let Some(Act::Goto(to)) = acts.iter().find(|a| matches!(a, Act::Goto(_))) {
                leads = Some(self.named(at.chain.table, to).is_some_and(|c| self.always_ends(c, depth + 1)));
                if leads == Some(false) {
                    break;
                }
            }
            let Some(shape) = self.one(at, &mut axes, depth + 1) else { break };
            if shape.is_all() && shape.ends.is_some() && leads != Some(false) {
                ends = true;
                break;
            }
        }
        self.ends.insert(chain, ends);
        ends
    }

    /// One rule, by itself.
    fn one(&mut self, at: crate::evaluate::Place, axes: &mut Axes, depth: usize) -> Option<Shape> {
        let (rules, position) = (self.rules, at.position?);
        Some(match at.chain.table {
            TableRef::Nft(t) => {
                let table = rules.nft.get(t)?;
                let rule = table.chains.get(at.chain.chain)?.rule(position)?;
                self.nft(at.chain.table, table, rule, axes, depth)
            }
            TableRef::Xt(t) => {
                let table = rules.xt.get(t)?;
                let rule = table.nth_chain(at.chain.chain)?.rule(position)?;
                self.xt(at.chain.table, table.family(), &rule, axes, depth)
            }
        })
    }

    /// What the rules of a chain, and of those that it leads to, change.
    fn changes(&mut self, at: TableRef, name: &Text, depth: usize) -> Changes {
        let Some(chain) = self.named(at, name) else { return Changes::ALL };
        if let Some(known) = self.changes.get(&chain) {
            return *known;
        }
        if depth > DEPTH {
            return Changes::ALL;
        }
        self.changes.insert(chain, Changes::ALL); // for circles
        let (rules, mut all) = (self.rules, Changes::default());
        let mut targets = Vec::new();
        match chain.table {
            TableRef::Nft(t) => {
                let table = rules.nft.get(t);
                for rule in table.and_then(|t| t.chains.get(chain.chain)).map_or(&[][..], |c| &c.rules) {
                    for e in &rule.exprs {
                        all = all.or(changes(e));
                        if let Expr::Lookup(l) = e {
                            let set = table.and_then(|t| t.set(&l.set));
                            let verdicts =
                                set.into_iter().flat_map(|s| &s.elements).filter_map(|e| e.value.as_ref()?.verdict());
                            targets.extend(verdicts.filter_map(NftVerdict::chain).cloned());
                        }
                    }
                }
            }
            TableRef::Xt(t) => {
                for rule in rules.xt.get(t).and_then(|t| t.nth_chain(chain.chain)).into_iter().flat_map(|c| c.rules()) {
                    if let Ok(Action::Target(t)) = rule.action() {
                        all = all.or(target_changes(t.name.as_bytes()));
                    }
                }
            }
        }
        act::each(rules, chain, |_, acts| {
            targets.extend(acts.into_iter().filter_map(|a| match a {
                Act::Jump(to) | Act::Goto(to) => Some(to),
                _ => None,
            }));
        });
        for to in targets {
            all = all.or(self.changes(at, &to, depth + 1));
        }
        self.changes.insert(chain, all);
        all
    }
}

/// For so many rules of a chain it is told which rules take their packets.
const MOST_ATTRIBUTED: usize = 200;

/// Tells which rules take the packets of a rule first.
fn attribute(dead: Option<Dead>, shape: &Shape, index: &Index, owners: &[(usize, Ends)], axes: &Axes) -> Option<Dead> {
    let mut by: Vec<(usize, Ends)> = Vec::new();
    for region in &shape.regions {
        let Some(takers) = index.takers(region, axes) else { return dead };
        by.extend(takers.into_iter().filter_map(|i| owners.get(i as usize).cloned()));
    }
    by.sort_by_key(|(n, _)| *n);
    by.dedup();
    match dead {
        Some(Dead::Behind(end, _)) => Some(Dead::Behind(end, by)),
        Some(Dead::Covered(_)) => Some(Dead::Covered(by)),
        dead => dead,
    }
}

/// Is there anything left for a rule?
fn dead(shape: &Shape, index: &mut Index, owners: &[(usize, Ends)], axes: &Axes) -> Option<Dead> {
    let mut by: Vec<(usize, Ends)> = Vec::new();
    let mut complex = false;
    for region in &shape.regions {
        match index.test(region, axes) {
            Verdict::Free => return None,
            Verdict::TooComplex => complex = true,
            Verdict::Covered(ids) => by.extend(ids.into_iter().filter_map(|i| owners.get(i as usize).cloned())),
        }
    }
    if complex {
        return Some(Dead::TooComplex);
    }
    by.sort_by_key(|(n, _)| *n);
    by.dedup();
    Some(Dead::Covered(by))
}

/// What an expression changes for the rules behind it.
fn changes(e: &Expr) -> Changes {
    use wire::expr::MetaKey;
    let none = Changes::default();
    match e {
        Expr::MetaSet(m) if m.key == MetaKey::Nftrace => none,
        Expr::MetaSet(_) | Expr::CtSet(_) | Expr::Notrack => Changes { marks: true, ..none },
        Expr::Objref(o) if o.kind != ObjectKind::Counter => Changes { marks: true, ..none },
        Expr::PayloadSet(_) | Expr::ExthdrSet(_) | Expr::ExthdrStrip(_) => Changes { packet: true, ..none },
        Expr::Dynset(_) => Changes { sets: true, ..none },
        Expr::Target(blob) => target_changes(blob.name.as_bytes()),
        Expr::Unknown(_) => Changes::ALL,
        _ => none,
    }
}

/// What a target of xtables changes for the rules behind it.
fn target_changes(name: &[u8]) -> Changes {
    let none = Changes::default();
    match name {
        b"LOG" | b"NFLOG" | b"REJECT" | b"TRACE" | b"AUDIT" | b"LED" | b"NFQUEUE" | b"RATEEST" | b"TEE"
        | b"IDLETIMER" => none,
        b"MARK" | b"CONNMARK" | b"CT" | b"NOTRACK" | b"CONNSECMARK" | b"SECMARK" | b"CLASSIFY" => {
            Changes { marks: true, ..none }
        }
        b"SET" => Changes { sets: true, ..none },
        b"TOS" | b"DSCP" | b"TTL" | b"HL" | b"TCPMSS" | b"ECN" | b"CHECKSUM" | b"TCPOPTSTRIP" => {
            Changes { packet: true, ..none }
        }
        _ => Changes::ALL,
    }
}
