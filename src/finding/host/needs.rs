//! What needs forwarding.

use std::net::IpAddr;

use crate::evaluate::{Fact, Place};
use crate::finding::act::{self, Act};
use crate::finding::view::View;
use crate::listing::chains;

/// A rule that translates what has to be forwarded afterwards: to another host, if there is one such.
pub(super) fn translation(view: &View<'_>, v6: bool) -> Option<(Place, Act)> {
    let mut found: Option<(Place, Act)> = None;
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, acts| {
            for act in acts {
                let better = match &act {
                    Act::Dnat(Some((to, _))) => to.is_ipv6() == v6 && is_elsewhere(view, *to),
                    // A table of both families masquerades IPv6 whether anybody wants that or not.
                    Act::Masquerade if v6 => found.is_none() && view.rule(at).entry.family == Some("ip6"),
                    Act::Masquerade => found.is_none() && view.rule(at).entry.family != Some("ip6"),
                    Act::Snat(Some((to, _))) => to.is_ipv6() == v6 && found.is_none(),
                    _ => false,
                };
                if better && !matches!(found, Some((_, Act::Dnat(_)))) {
                    found = Some((at, act));
                }
            }
        });
    }
    found
}

/// Is it known not to be this host?
pub(super) fn is_elsewhere(view: &View<'_>, to: IpAddr) -> bool {
    !to.is_loopback() && matches!(view.host.addresses(), Fact::Is(own) if own.iter().all(|a| a.local.addr != to))
}

/// Where destinations are translated to, other than this host, by rules that name one address.
pub(super) fn servers(view: &View<'_>) -> Vec<(IpAddr, Place)> {
    let mut all = Vec::new();
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, acts| {
            all.extend(acts.iter().filter_map(|a| match a {
                Act::Dnat(Some((low, high))) if low == high && is_elsewhere(view, *low) => Some((*low, at)),
                _ => None,
            }));
        });
    }
    all
}
