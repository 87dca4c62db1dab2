//! `NB0013`: routes that lead nowhere, where packets are sent.

use std::net::IpAddr;

use super::needs;
use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::sys::rt::{Prefix, Route, RouteKind};

pub(super) const CODE: Code = Code {
    id: "NB0013",
    title: "a route throws away what is sent to a destination in use",
    severity: Severity::Warning,
    meaning: "blackhole, unreachable and prohibit routes end packets between prerouting and forward, and no rule counts them",
    page: include_str!("../../../docs/findings/NB0013.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let servers = needs::servers(view);
    for v6 in [false, true] {
        let Some(routes) = view.host.all_routes(v6).known() else { continue };
        let dead = |r: &&Route| matches!(r.kind, RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit);
        // What no rule of the user's sends elsewhere is looked up in the main table.
        for r in routes.iter().filter(dead).filter(|r| r.table == 254 && !(r.dst.len == 0 && is_last(r, &routes))) {
            let shown = format!("{} {} metric {}", r.kind, r.dst, r.priority);
            let fix = Fix::new("remove the route, if it is not meant").command(format!(
                "ip{} route del {} {}",
                if v6 { " -6" } else { "" },
                r.kind,
                if r.dst.len == 0 { "default".to_owned() } else { r.dst.to_string() }
            ));
            let mut finding = if let Some((to, at)) = servers.iter().find(|(to, _)| best(&routes, *to) == Some(r)) {
                CODE.finding(format!(
                    "destinations are translated to {to}, and a {} route throws away what is sent there",
                    r.kind
                ))
                .severity(Severity::Error)
                .rule(view.rule(*at).label("it leads there"))
            } else if let Some((prefix, link)) = cut_out(view, &routes, r) {
                CODE.finding(format!(
                    "{} of {prefix}, the network of {link}, is thrown away by a {} route",
                    r.dst, r.kind
                ))
            } else {
                continue;
            };
            finding = finding.seen("rtnetlink: route", shown);
            found.push(finding.fix(fix));
        }
    }
}

/// A default route of that kind which only holds while there is no other (it has the worst metric) is a safeguard.
fn is_last(r: &Route, all: &[Route]) -> bool {
    all.iter().any(|o| o.dst == r.dst && o.table == r.table && o.priority < r.priority) || r.priority == u32::MAX
}

/// The route of the main table that an address has.
fn best(routes: &[Route], to: IpAddr) -> Option<&Route> {
    let holds = |r: &&Route| r.table == 254 && r.dst.contains(to);
    routes.iter().filter(holds).min_by_key(|r| (std::cmp::Reverse(r.dst.len), r.priority))
}

/// The network of an interface of which this takes a part: more of it than single addresses, as bans are.
fn cut_out(view: &View<'_>, routes: &[Route], r: &Route) -> Option<(Prefix, String)> {
    let width = if r.dst.addr.is_ipv4() { 32 } else { 128 };
    let links = view.host.links().known()?;
    let connected = |o: &&Route| {
        o.kind == RouteKind::Unicast
            && o.gateway().is_none()
            && o.dst.len > 0
            && o.dst.len <= r.dst.len
            && o.dst.contains(r.dst.addr)
    };
    let first = |o: &Route| (std::cmp::Reverse(r.dst.len), r.priority) < (std::cmp::Reverse(o.dst.len), o.priority);
    let net = routes.iter().filter(connected).find(|o| r.dst.len < width && first(o))?;
    let link = links.iter().find(|l| Some(l.index) == net.oif() && l.is_running())?;
    Some((net.dst, link.name.to_string()))
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let detail = c.detail.as_deref().filter(|_| c.kind == CulpritKind::Route)?;
    let blame = &case.explained.blame;
    let ours = blame.packet.hook == Some("output");
    if blame.packet.hook == Some("input") {
        return matches!(detail, "blackhole" | "unreachable" | "prohibit" | "no route").then(|| {
            format!("there is no way back to who asks ({detail}): the socket throws the first packet away, behind all rules, and nobody is told")
        });
    }
    let told = match (detail, ours) {
        ("blackhole", true) => "its program is told \"Invalid argument\" (EINVAL)",
        ("unreachable", true) => "its program is told \"No route to host\" (EHOSTUNREACH)",
        ("prohibit", true) => "its program is told \"Permission denied\" (EACCES)",
        ("no route", true) => "its program is told \"Network is unreachable\" (ENETUNREACH)",
        ("blackhole", false) => "the sender is not told",
        ("unreachable" | "prohibit" | "no route", false) => match &blame.reject_with {
            Some(with) => &format!("the sender is told {with}"),
            None => "the sender is not told",
        },
        _ => return None,
    };
    let at = match ours {
        true if blame.path.is_empty() => "before it meets any rule",
        true => "in the output hook, after what was changed there",
        false => "after the prerouting hook and before any filter",
    };
    Some(format!("routing ends it ({detail}), {at}: {told}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::host::FakeHost;
    use crate::ruleset::Ruleset;
    use crate::sys::rt::LinkFlags;

    fn with(route: &str) -> FakeHost {
        let mut host = testing::router();
        for l in &mut host.links {
            l.flags |= LinkFlags::LOWER_UP | LinkFlags::RUNNING | LinkFlags::UP;
        }
        if let Ok(dst) = route.parse() {
            host.add_route(RouteKind::Blackhole, dst, 254, None, None);
        }
        host
    }

    #[test]
    fn networks_at_hand_and_targets_of_translation_matter_and_others_do_not() {
        let none = Ruleset::default();
        assert_eq!(testing::find(&CODE, &none, &with("")), []);
        assert_eq!(testing::find(&CODE, &none, &with("198.18.0.0/15")), [], "nobody uses it");
        assert_eq!(testing::find(&CODE, &none, &with("10.0.0.66/32")), [], "a ban");
        assert_eq!(testing::find(&CODE, &none, &with("10.0.0.128/25"))[0].severity, Severity::Warning);
        let dnat = testing::dnat([172, 16, 0, 9]);
        assert_eq!(testing::find(&CODE, &dnat, &with("172.16.0.0/12"))[0].severity, Severity::Error);
    }
}
