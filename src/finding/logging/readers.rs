//! Rules that log or queue, and who reads it.

use std::collections::BTreeSet;

use crate::evaluate::{Fact, Place};
use crate::finding::act::{self, Act};
use crate::finding::view::View;
use crate::listing::chains;

/// The rules that packets can reach of which `wanted` says something.
pub(super) fn rules<T>(view: &View<'_>, wanted: impl Fn(&[Act]) -> Option<T>) -> Vec<(Place, T)> {
    let mut all = Vec::new();
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, acts| all.extend(wanted(&acts).map(|found| (at, found))));
    }
    all
}

/// The groups or queues that a program has bound: each line of these files begins with a number. None: it cannot be told.
pub(super) fn bound(view: &View<'_>, file: &str) -> Option<BTreeSet<u16>> {
    match view.host.proc_net(file) {
        Fact::Is(text) => Some(text.lines().filter_map(|l| l.split_ascii_whitespace().next()?.parse().ok()).collect()),
        Fact::Absent => Some(BTreeSet::new()),
        Fact::Unknown(_) => None,
    }
}
