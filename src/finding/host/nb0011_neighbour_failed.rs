//! `NB0011`: a router or server that is needed does not answer on its link.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::needs;
use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::sys::rt::{NeighbourState, RouteKind};

pub(super) const CODE: Code = Code {
    id: "NB0011",
    title: "a neighbour that packets are sent to does not answer",
    severity: Severity::Warning,
    meaning: "nobody answered the question who has that address: packets by it wait a little, and are dropped as unreachable",
    page: include_str!("../../../docs/findings/NB0011.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(neighbours) = view.host.neighbours().known() else { return };
    let failed: Vec<_> =
        neighbours.iter().filter(|n| n.state.intersects(NeighbourState::FAILED | NeighbourState::INCOMPLETE)).collect();
    if failed.is_empty() {
        return;
    }
    let mut routers: BTreeSet<(u32, IpAddr)> = BTreeSet::new();
    for v6 in [false, true] {
        let Some(routes) = view.host.all_routes(v6).known() else { continue };
        let hops = routes.iter().filter(|r| r.kind == RouteKind::Unicast).flat_map(|r| &r.hops);
        routers.extend(hops.filter_map(|h| Some((h.oif?, h.gateway?))));
    }
    let servers = needs::servers(view);
    for n in failed {
        let link = view.host.link(n.index).known().map_or_else(|| n.index.to_string(), |l| l.name.to_string());
        let (message, rule) = if routers.contains(&(n.index, n.addr)) {
            (format!("the router {} does not answer on {link}: nothing gets through by it", n.addr), None)
        } else if let Some((_, at)) = servers.iter().find(|(to, _)| *to == n.addr) {
            (format!("{}, to which destinations are translated, does not answer on {link}", n.addr), Some(*at))
        } else {
            continue;
        };
        let mut finding =
            CODE.finding(message).seen("rtnetlink: neighbour", format!("{} at {link} is {}", n.addr, n.state));
        if let Some(at) = rule {
            finding = finding.rule(view.rule(at).label("it leads there"));
        }
        found.push(
            finding
                .possible("it was so when it was last tried, which may be some time ago")
                .note("is it up, on that link, with that address and mask? Does it, or anything in between, filter ARP or neighbour discovery?"),
        );
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    (case.culprit().kind == CulpritKind::Neighbour).then(|| {
        "nobody on that link answers for the next hop: the host is down, or elsewhere, or its answers are lost".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::rt::Neighbour;

    #[test]
    fn a_router_that_failed_is_told_and_a_host_that_nobody_needs_is_not() {
        let mut host = testing::behind_router();
        let n = |last: u8, state| Neighbour {
            index: 2,
            addr: [192, 0, 2, last].into(),
            state,
            lladdr: None,
            flags: 0,
            probes: 3,
        };
        host.neighbours = vec![n(9, NeighbourState::FAILED), n(254, NeighbourState::REACHABLE)];
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        host.neighbours = vec![n(254, NeighbourState::FAILED)];
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host).len(), 1);
        let mut router = testing::router();
        router.neighbours = vec![n(9, NeighbourState::FAILED)];
        assert_eq!(testing::find(&CODE, &testing::dnat([192, 0, 2, 9]), &router)[0].rules.len(), 1);
    }
}
