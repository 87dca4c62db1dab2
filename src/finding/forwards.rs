//! Port forwards: where rules, and the elements of their maps, send packets that come in, and samples of those packets.

use std::net::IpAddr;

use super::act::Act;
use super::view::View;
use super::witness::{Witness, witnesses};
use crate::analysis::Way;
use crate::evaluate::Place;

/// A port forward: packets that come in get the address of another host.
pub struct Forward {
    /// The rule.
    pub at: Place,
    /// The other host, or the first of them.
    pub to: IpAddr,
    /// Such packets, one from each network around this host from where that is possible.
    pub witnesses: Vec<Witness>,
}

/// The port forwards of a host.
pub struct Forwards {
    /// Those of which packets were made, by their rules.
    pub tried: Vec<Forward>,
    /// How many there are besides.
    pub untried: usize,
    /// There may be even more.
    pub cut: bool,
}

/// Of so many port forwards packets are made, and as many to this host itself; a cluster has thousands, all alike.
pub const MOST: usize = 256;

/// Rules, and elements of their maps, that may give packets that come in an address of this host.
pub fn to_here<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v Way> {
    view.translations().all.iter().filter(|way| match way.act {
        Act::Redirect => true,
        Act::Dnat(to) => to.is_none_or(|(to, _)| !view.is_elsewhere(to)),
        _ => false,
    })
}

/// The port forwards of a host. Where there are too many, the first ones of each rule are tried.
pub(super) fn forwards(view: &View<'_>) -> Forwards {
    let ways = view.translations();
    let destination = |way: &Way| match way.act {
        Act::Dnat(to) => Some(to).filter(|to| to.is_none_or(|(low, _)| view.is_elsewhere(low))),
        _ => None,
    };
    let mut all: Vec<_> = ways.all.iter().filter_map(|way| Some((way, destination(way)?))).collect();
    all.sort_by_key(|(way, _)| way.at);
    let of_one_rule = all.chunk_by(|(a, _), (b, _)| a.at == b.at);
    let mut ranked: Vec<_> = of_one_rule.flat_map(|all| (0..).zip(all)).collect();
    ranked.sort_by_key(|(n, _)| *n);
    let untried = ranked.len().saturating_sub(MOST);
    ranked.truncate(MOST);
    ranked.sort_by_key(|(_, (way, _))| way.at);
    let tried = ranked.into_iter().filter_map(|(_, (way, to))| {
        let mut witnesses = witnesses(view, (way.at, *to), &ways.axes, &way.packets);
        witnesses.retain(|w| w.ends().iter().any(|(_, to, _)| view.is_elsewhere(*to)));
        let ends = || Some(witnesses.first()?.ends().first()?.1);
        Some(Forward { at: way.at, to: to.map(|(low, _)| low).or_else(ends)?, witnesses })
    });
    Forwards { tried: tried.collect(), untried, cut: ways.cut }
}
