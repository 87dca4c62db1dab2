//! `NB03`: address translation.

mod nb0301_dnat_dropped;
mod nb0302_hairpin;
mod nb0303_untranslated;
mod nb0304_catches_transit;
mod nb0305_hides_clients;
mod nb0306_not_for_this_host;
mod nb0307_past_input;
mod nb0308_forward_wide;

use std::net::IpAddr;

use super::act::{self, Act};
use super::code::Code;
use super::view::View;
use crate::evaluate::Place;
use crate::listing::chains;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[
    &nb0301_dnat_dropped::CODE,
    &nb0302_hairpin::CODE,
    &nb0303_untranslated::CODE,
    &nb0304_catches_transit::CODE,
    &nb0305_hides_clients::CODE,
    &nb0306_not_for_this_host::CODE,
    &nb0307_past_input::CODE,
    &nb0308_forward_wide::CODE,
];

/// So many port forwards are looked at; a cluster has thousands, all alike.
const MOST: usize = 64;

/// The rules that send packets on to another host, and to whom.
fn forwards(view: &View<'_>) -> Vec<(Place, IpAddr)> {
    let own = view.host.addresses();
    let elsewhere =
        |to: &IpAddr| !to.is_loopback() && own.value().is_some_and(|own| own.iter().all(|a| a.local.addr != *to));
    let mut found = Vec::new();
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, acts| {
            let to = acts.iter().find_map(|a| match a {
                Act::Dnat(Some((to, _))) if elsewhere(to) => Some(*to),
                _ => None,
            });
            found.extend(to.filter(|_| found.len() < MOST).map(|to| (at, to)));
        });
    }
    found
}

/// Addresses that no router of the Internet knows a way to.
fn is_private(a: IpAddr) -> bool {
    match a {
        IpAddr::V4(a) => a.is_private() || a.is_link_local() || (a.octets()[0] == 100 && a.octets()[1] & 0xc0 == 64),
        IpAddr::V6(a) => a.is_unique_local(),
    }
}
