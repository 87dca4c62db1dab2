//! `NB03`: address translation.

mod nb0301_dnat_dropped;
mod nb0302_hairpin;
mod nb0303_untranslated;
mod nb0304_catches_transit;
mod nb0305_hides_clients;
mod nb0306_not_for_this_host;
mod nb0307_past_input;
mod nb0308_forward_wide;
mod nb0309_not_all_tried;

use std::collections::BTreeSet;

use super::code::Code;
use super::witness::Witness;

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
    &nb0309_not_all_tried::CODE,
];

/// A fix has so many rules at the most.
const MOST_RULES: usize = 8;
/// Trying a fix takes copies of the ruleset: for so many findings of a code it is done.
const FIXES: usize = 16;

/// Of packets that end alike, one.
fn one_of_each<'w>(all: &[&'w Witness]) -> Vec<&'w Witness> {
    let mut seen = BTreeSet::new();
    all.iter().copied().filter(|w| seen.insert((w.service.0, w.peer.link.clone(), w.ends()))).collect()
}

/// The first few of these, and how many others there are.
fn some_of(all: &[String]) -> String {
    let first = all.get(..3).unwrap_or(all).join(", ");
    match all.len().saturating_sub(3) {
        0 => first,
        n => format!("{first} and {n} more"),
    }
}
