//! What becomes of packets that no rule decides about.

use serde::Serialize;

use super::{Chain, Hooks, Listing};

/// The policy of a base chain, as packets of one family meet it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Policy {
    /// Whose packets: `ip`, `ip6`, `arp`, `bridge`, `netdev`.
    pub packets: &'static str,
    /// The chain; [`Chain::policy`] says what becomes of them.
    #[serde(flatten)]
    pub chain: Chain,
}

/// The policies of all base chains, by family and hook in the order in which packets meet them. A chain of an inet table has one
/// line for each family.
pub fn policies(listing: &Listing<'_>) -> Vec<Policy> {
    let hooks = Hooks::of(listing.rules());
    let met = hooks.iter().flat_map(|h| h.stands.iter().map(move |s| (h.family, &s.met)));
    met.filter_map(|(packets, met)| Some(Policy { packets, chain: listing.chain(met.chain()?) })).collect()
}
