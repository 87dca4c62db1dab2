//! Rules that never match, and what stands before them.

use super::deciding;
use crate::analysis::{Analysed, Dead, Ends, Shape};
use crate::evaluate::{ChainRef, Place, TableRef};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::Finding;
use crate::finding::view::View;
use crate::fix::Change;
use crate::manager;
use crate::sys::nft::SetFlags;

/// So many findings of one code are told of a chain; the rest is counted.
const MOST: usize = 20;
/// So many rules are shown with a finding.
const SHOWN: usize = 4;

/// A rule that earlier ones leave nothing for.
pub(super) struct Covered<'a> {
    pub chain: ChainRef,
    pub position: usize,
    pub analysed: &'a Analysed,
    pub shape: &'a Shape,
    /// The rules before, by position, and how its packets end there.
    pub by: &'a [(usize, Ends)],
}

impl Covered<'_> {
    /// The rule.
    pub fn at(&self) -> Place {
        Place { chain: self.chain, position: Some(self.position) }
    }

    /// How packets end at the rules before.
    pub fn ends(&self) -> impl Iterator<Item = &Ends> {
        self.by.iter().map(|(_, e)| e)
    }

    /// Do the rules before do the same to its packets? Or does one of them, to all that exceptions before it leave?
    pub fn is_redundant(&self) -> bool {
        let Some(own) = &self.shape.ends else { return false };
        let takes_all = |n: usize| {
            let covers = self.analysed.shape(n).map_or(&[][..], |s| &s.covers);
            self.shape.regions.iter().all(|r| covers.iter().any(|(c, e)| e.is_same(own) && c.covers(r)))
        };
        self.ends().all(|e| e.is_same(own)) || self.by.iter().any(|(n, e)| e.is_same(own) && takes_all(*n))
    }

    /// Is some of what it wanted done by the rules before?
    pub fn is_done_in_part(&self) -> bool {
        self.shape.ends.as_ref().is_some_and(|own| self.ends().any(|e| e.is_same(own)))
    }
}

/// Every rule that others leave nothing for.
pub(super) fn covered<'a>(view: &'a View<'_>) -> impl Iterator<Item = Covered<'a>> {
    view.analysis().iter().flat_map(|(chain, analysed)| {
        analysed.dead.iter().filter_map(move |(position, dead)| {
            let Dead::Covered(by) = dead else { return None };
            let shape = analysed.shape(*position)?;
            Some(Covered { chain: *chain, position: *position, analysed, shape, by })
        })
    })
}

/// Adds findings, but no more than a few of each chain.
pub(super) fn add(code: &Code, found: &mut Vec<Finding>, all: impl Iterator<Item = (ChainRef, Finding)>) {
    let mut last: Option<(ChainRef, usize)> = None;
    for (chain, finding) in all {
        let n = match last {
            Some((c, n)) if c == chain => n + 1,
            _ => 1,
        };
        last = Some((chain, n));
        if n <= MOST {
            found.push(finding);
        } else if let Some(latest) = found.iter_mut().rev().find(|f| f.code == code.id) {
            latest.notes.retain(|n| !n.ends_with("more of this chain"));
            latest.notes.push(format!("and {} more of this chain", n - MOST));
        }
    }
}

/// The finding, with the rules before.
pub(super) fn with_rules(view: &View<'_>, finding: Finding, c: &Covered<'_>, label: &str) -> Finding {
    let by = deciding::taken_by(c.analysed, c.position, c.by.iter().map(|(p, _)| *p));
    let words = by.map_or(&[][..], deciding::words);
    let mut finding = finding.rule(view.rule(c.at()).label(label).verdict().condition(words));
    for (p, ends) in c.by.iter().take(SHOWN) {
        let at = Place { chain: c.chain, position: Some(*p) };
        let what = if c.by.len() == 1 { "every packet that it matches is" } else { "some of its packets are" };
        let here = if matches!(ends, Ends::Within(..)) { ", to which this leads" } else { " here" };
        finding = finding.rule(view.rule(at).label(format!("{what} {}{here}", ends.name())).verdict());
    }
    for map in c.by.iter().filter_map(|(p, _)| kept(view, Place { chain: c.chain, position: Some(*p) })) {
        finding =
            finding.possible(format!("the map {map} may be changed at any time: so it is with what it holds now"));
    }
    if c.by.len() > SHOWN {
        finding = finding.note(format!("and {} rules more, which take its packets together", c.by.len() - SHOWN));
    }
    finding
}

/// Are these rules of a chain all one manager's, who puts them in an order of its own?
pub(super) fn is_own_affair(view: &View<'_>, chain: ChainRef, mut positions: impl Iterator<Item = usize>) -> bool {
    let owner = |p: usize| view.rule(Place { chain, position: Some(p) }).entry.manager;
    let Some(first) = positions.next().and_then(owner) else { return false };
    !manager::is_in_order_of_the_user(&view.listing.chain(chain).chain_name)
        && positions.all(|p| owner(p).as_ref() == Some(&first))
}

/// The map with a name of its own that a rule takes its verdict from.
fn kept(view: &View<'_>, at: Place) -> Option<String> {
    let acts = act::acts(view.rules, at)?;
    let map = acts.into_iter().find_map(|a| if let Act::Vmap(map) = a { Some(map) } else { None })?;
    let TableRef::Nft(t) = at.chain.table else { return None };
    let set = view.rules.nft.get(t)?.set(&map)?;
    (!set.def.flags.contains(SetFlags::ANONYMOUS)).then(|| map.to_string())
}

/// Moving a rule before another, if that is possible and makes it match.
pub(super) fn moved(view: &View<'_>, chain: ChainRef, from: usize, to: usize) -> Option<Fix> {
    let change = Change::Move { chain, from, to };
    let commands = change.commands(view.rules)?;
    let mut rules = view.rules.clone();
    if !change.apply(&mut rules, &mut crate::fix::Patched::new(view.host)) {
        return None;
    }
    let after = crate::analysis::Chains::new(&rules).analyse(chain);
    let is_dead = |at: usize| after.dead.iter().any(|(p, _)| *p == at);
    // What takes packets away is not to be put before what lets all of them pass.
    let stops = after.shape(to).and_then(|s| s.ends.as_ref()).is_some_and(Ends::loses);
    if is_dead(to) || stops && is_dead(to + 1) {
        return None;
    }
    let mut fix = Fix::new(format!("put it before rule {to}"));
    fix.commands = commands;
    fix.persistent.extend(change.persistent(view.rules));
    fix.verified = true;
    fix.also_allows.push(format!("all that rule {from} says of packets that end at rule {to} now"));
    Some(fix.change(change))
}
