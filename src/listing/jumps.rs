//! Which chains lead to which, and so from which hooks a chain can be reached.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::chains;
use crate::evaluate::{ChainRef, TableRef};
use crate::ruleset::{Ruleset, nft};
use crate::sys::nft::{Expr, Value, Verdict};
use crate::sys::xt::Action;
use crate::sys::{Text, xt};

/// The jumps and gotos of a ruleset, those in verdict maps included.
#[derive(Debug)]
pub struct Jumps {
    /// To where each chain leads, in the order of its rules, each only once.
    to: FxHashMap<ChainRef, Vec<ChainRef>>,
}

impl Jumps {
    /// Finds them all.
    pub fn new(rules: &Ruleset) -> Self {
        let mut to = FxHashMap::default();
        for (t, table) in rules.nft.iter().enumerate() {
            for (chain, targets) in of_nft(table) {
                let at = |chain| ChainRef { table: TableRef::Nft(t), chain };
                to.insert(at(chain), targets.into_iter().map(at).collect());
            }
        }
        for (t, table) in rules.xt.iter().enumerate() {
            for (chain, targets) in of_xt(table) {
                let at = |chain| ChainRef { table: TableRef::Xt(t), chain };
                to.insert(at(chain), targets.into_iter().map(at).collect());
            }
        }
        Self { to }
    }

    /// The chains that can be reached from one, that one not included, in the order in which a packet comes to them first.
    pub fn reached_from(&self, from: ChainRef) -> Vec<ChainRef> {
        let (mut seen, mut order) = (BTreeSet::from([from]), Vec::new());
        let mut open = vec![self.to.get(&from).into_iter().flatten()];
        while let Some(next) = open.last_mut() {
            match next.next() {
                Some(&chain) if seen.insert(chain) => {
                    order.push(chain);
                    open.push(self.to.get(&chain).into_iter().flatten());
                }
                Some(_) => {}
                None => drop(open.pop()),
            }
        }
        order
    }

    /// For each chain, the base chains that lead to it; a base chain leads to itself.
    pub fn bases(&self, rules: &Ruleset) -> FxHashMap<ChainRef, Vec<ChainRef>> {
        let mut bases: FxHashMap<ChainRef, Vec<ChainRef>> = FxHashMap::default();
        for base in chains(rules).filter(|c| is_base(rules, *c)) {
            for chain in std::iter::once(base).chain(self.reached_from(base)) {
                bases.entry(chain).or_default().push(base);
            }
        }
        bases
    }
}

/// Does the kernel itself call that chain?
pub fn is_base(rules: &Ruleset, at: ChainRef) -> bool {
    match at.table {
        TableRef::Nft(t) => rules.nft.get(t).and_then(|t| t.chains.get(at.chain)).is_some_and(|c| c.def.base.is_some()),
        TableRef::Xt(t) => rules.xt.get(t).and_then(|t| t.nth_chain(at.chain)).is_some_and(|c| c.hook().is_some()),
    }
}

fn push(targets: &mut Vec<usize>, seen: &mut BTreeSet<usize>, target: Option<usize>) {
    if let Some(target) = target.filter(|t| seen.insert(*t)) {
        targets.push(target);
    }
}

fn of_nft(table: &nft::Table) -> Vec<(usize, Vec<usize>)> {
    let names: FxHashMap<&Text, usize> = table.chains.iter().enumerate().map(|(i, c)| (&c.def.name, i)).collect();
    let named = |verdict: &Verdict| match verdict {
        Verdict::Jump(chain) | Verdict::Goto(chain) => names.get(chain).copied(),
        _ => None,
    };
    // A map may be used by many rules.
    let mut maps: FxHashMap<&Text, Vec<usize>> = FxHashMap::default();
    for set in &table.sets {
        let mut seen = BTreeSet::new();
        let mut targets = Vec::new();
        for element in &set.elements {
            if let Some(Value::Verdict(verdict)) = &element.value {
                push(&mut targets, &mut seen, named(verdict));
            }
        }
        maps.insert(&set.def.name, targets);
    }
    let of_chain = |chain: &nft::Chain| {
        let (mut seen, mut targets) = (BTreeSet::new(), Vec::new());
        for expr in chain.rules.iter().flat_map(|r| &r.exprs) {
            match expr {
                Expr::Immediate(i) => {
                    if let Value::Verdict(verdict) = &i.value {
                        push(&mut targets, &mut seen, named(verdict));
                    }
                }
                Expr::Lookup(l) => {
                    for target in maps.get(&l.set).into_iter().flatten() {
                        push(&mut targets, &mut seen, Some(*target));
                    }
                }
                _ => {}
            }
        }
        targets
    };
    table.chains.iter().enumerate().map(|(i, c)| (i, of_chain(c))).collect()
}

fn of_xt(table: &xt::Table) -> Vec<(usize, Vec<usize>)> {
    let names: FxHashMap<&[u8], usize> = table.chains().enumerate().map(|(i, c)| (c.name().as_bytes(), i)).collect();
    let of_chain = |chain: xt::Chain<'_>| {
        let (mut seen, mut targets) = (BTreeSet::new(), Vec::new());
        for rule in chain.rules() {
            if let Ok(Action::Jump(to) | Action::Goto(to)) = rule.action() {
                push(&mut targets, &mut seen, names.get(to.as_bytes()).copied());
            }
        }
        targets
    };
    table.chains().enumerate().map(|(i, c)| (i, of_chain(c))).collect()
}
