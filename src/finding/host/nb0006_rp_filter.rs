//! `NB0006`: the strict reverse path filter on a host with more than one way.

use std::collections::BTreeMap;

use crate::blame::CulpritKind;
use crate::evaluate::environment::FibQuery;
use crate::evaluate::{Fact, Place};
use crate::finding::code::Code;
use crate::finding::counter::{self, counter};
use crate::finding::fix::Fix;
use crate::finding::probe;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::selects;
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl::{self, Setting};
use crate::sys::rt::{Link, LinkFlags, Prefix, Route, RouteKind};

pub(super) const CODE: Code = Code {
    id: "NB0006",
    title: "the strict reverse path filter drops what comes by another way than the answer would take",
    severity: Severity::Warning,
    meaning: "rp_filter=1 drops packets whose source is reached by another interface, before any rule sees them",
    page: include_str!("../../../docs/findings/NB0006.md"),
    check,
    why: Some(why),
};

const COUNTER: (&str, &str, &str) = ("netstat", "TcpExt", "IPReversePathFilter");

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(links) = view.host.links().known() else { return };
    let up = |l: &&Link| l.flags.contains(LinkFlags::UP) && !l.is_loopback() && l.master.is_none();
    let strict: Vec<(&Link, Setting)> = links
        .iter()
        .filter(up)
        .filter_map(|l| Some((l, sysctl::larger(view.host, "ipv4", l, "rp_filter").ok().filter(|s| s.value == 1)?)))
        .collect();
    if strict.is_empty() {
        return;
    }
    let (file, group, name) = COUNTER;
    let lost = counter(view, file, group, name).unwrap_or(0);
    let mut told = false;
    for (link, setting) in &strict {
        let Some(other) = second_way(view, link) else { continue };
        let (from, by) = other;
        let by = view.host.link(by).known().map_or_else(|| "another interface".into(), |l| l.name.to_string());
        let mut finding = CODE
            .finding(format!("what comes in by {} from {from} is dropped: the way back is {by}", link.name))
            .seen(sysctl::file(&setting.key), "1")
            .seen("rtnetlink", format!("{from} is reached by {} and by {by}, which comes first", link.name));
        if lost > 0 {
            finding = finding.seen(counter::source(file, group, name), lost.to_string());
        } else {
            finding = finding.severity(Severity::Note).note("no packet was lost to it yet");
        }
        found.push(finding.fix(loose(link)));
        told = true;
    }
    if told || lost == 0 {
        return;
    }
    let names: Vec<String> = strict.iter().map(|(l, _)| l.name.to_string()).collect();
    let mut finding = CODE
        .finding(format!("packets were dropped by the reverse path filter of {}", names.join(", ")))
        .seen(counter::source(file, group, name), lost.to_string())
        .possible("dropping packets with forged sources is what it is for")
        .note("`nfblame why` with the address of a client that is not answered tells whether it is that");
    for (_, s) in &strict {
        finding = finding.seen(sysctl::file(&s.key), "1");
    }
    if let [(link, _)] = strict.as_slice() {
        finding = finding.fix(loose(link));
    }
    found.push(finding);
}

/// The larger of both settings counts, so that the interface's own is enough.
fn loose(link: &Link) -> Fix {
    let key = sysctl::conf("ipv4", &link.name.to_string(), "rp_filter");
    Fix::sysctl(&key, "2", "a source is taken if it can be reached at all, by whatever interface")
}

/// A destination that this interface leads to as well, but that is reached by another: the prefix, and the other's index.
fn second_way(view: &View<'_>, link: &Link) -> Option<(Prefix, u32)> {
    let Fact::Is(routes) = view.host.all_routes(false) else { return None };
    // Rules that look at the source send answers back by where they belong.
    let Fact::Is(rules) = view.host.rules(false) else { return None };
    if rules.iter().any(|r| r.src.is_some() || r.oif.is_some()) {
        return None;
    }
    let mut best: BTreeMap<(std::net::IpAddr, u8), &Route> = BTreeMap::new();
    let unicast = |r: &&Route| r.kind == RouteKind::Unicast && r.table == 254 && r.hops.len() == 1;
    for r in routes.iter().filter(unicast) {
        let best = best.entry((r.dst.addr, r.dst.len)).or_insert(r);
        if r.priority < best.priority {
            *best = r;
        }
    }
    routes.iter().filter(unicast).filter(|r| r.oif() == Some(link.index)).find_map(|r| {
        let first = best.get(&(r.dst.addr, r.dst.len)).and_then(|b| b.oif()).filter(|o| *o != link.index)?;
        Some((r.dst, first))
    })
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let Some(s) = c.sysctl.as_ref().filter(|_| c.kind == CulpritKind::Sysctl) else { return by_rules(case) };
    s.key.ends_with(".rp_filter").then(|| {
        format!("{} is {}: an answer would leave by another interface than this packet came in by", s.key, s.value)
    })
}

/// The same filter as rules have it: they ask whether there is a way back by the interface at hand.
fn by_rules(case: &Case<'_, '_>) -> Option<String> {
    let (view, blame) = (case.view, &case.explained.blame);
    let near = blame.near_misses.iter().filter_map(|n| view.place(n));
    let asks = |at: Place| selects(view.rules, at).is_some_and(|s| s.way_back);
    if !probe::stopped_at(case.explained).into_iter().chain(near).any(asks) {
        return None;
    }
    let (source, iif) = (blame.packet.source?, blame.packet.iif.as_deref()?);
    let way = view.env.fib(&FibQuery { to: source, from: None, oif: None, iif: None, mark: 0, tos: 0 }).known()?;
    let by = view.host.link(way.oif).known()?.name;
    (by.as_bytes() != iif.as_bytes()).then(|| {
        format!("the rules ask for a way back to {source} by {iif}, where it came in, and the way back is by {by}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::host::FakeHost;
    use crate::ruleset::Ruleset;
    use crate::sys::rt::NextHop;

    fn two_uplinks() -> FakeHost {
        let mut host = testing::server();
        host.add_link(3, "eth1", LinkFlags::UP).add_address(3, "198.51.100.1/24");
        for (oif, priority) in [(2, 0), (3, 100)] {
            let hops = vec![NextHop { oif: Some(oif), gateway: Some([192, 0, 2, 254].into()), flags: 0 }];
            let dst = Prefix::new([0; 4].into(), 0);
            let route = Route::bare(RouteKind::Unicast, [0; 4].into());
            host.routes.push(Route { dst, table: 254, hops, priority, ..route });
        }
        host
    }

    #[test]
    fn the_second_of_two_uplinks_is_named_and_loose_is_well() {
        let mut host = two_uplinks();
        let found = |host: &FakeHost| testing::find(&CODE, &Ruleset::default(), host);
        assert_eq!(found(&host), []);
        host.set("net.ipv4.conf.all.rp_filter", 1);
        let all = found(&host);
        assert_eq!((all.len(), all[0].severity), (1, Severity::Note));
        assert_eq!(all[0].fix[0].commands, ["sysctl -w net.ipv4.conf.eth1.rp_filter=2"]);
        host.proc_net.insert("netstat".into(), "TcpExt: A IPReversePathFilter\nTcpExt: 0 4\n".into());
        assert_eq!(found(&host)[0].severity, Severity::Warning);
        host.set("net.ipv4.conf.eth1.rp_filter", 2).set("net.ipv4.conf.eth0.rp_filter", 2);
        assert_eq!(found(&host), []);
    }

    #[test]
    fn a_host_with_one_way_is_only_told_what_was_counted() {
        let mut host = testing::server();
        host.set("net.ipv4.conf.all.rp_filter", 1);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        host.proc_net.insert("netstat".into(), "TcpExt: IPReversePathFilter\nTcpExt: 4\n".into());
        let found = testing::find(&CODE, &Ruleset::default(), &host);
        assert_eq!((found.len(), found[0].certainty), (1, crate::finding::Certainty::Possible));
    }
}
