//! A router between a client and a server, and its traced packets.

use nfblame::evaluate::hook::Hook;
use nfblame::evidence::trace::{Edge, Record, Step};
use nfblame::evidence::{Config, Event, Evidence, Journey, Selection, TraceConfig};
use nfblame::filter::Filter;

use crate::common::{Netns, veth};
use std::net::UdpSocket;
use std::time::Duration;

pub const PATIENCE: Duration = Duration::from_secs(10);

/// client 10.9.1.2 — 10.9.1.1 router 10.9.2.1 — 10.9.2.2 server, the same in IPv6.
pub struct Lab {
    pub client: Netns,
    pub router: Netns,
    pub server: Netns,
}

impl Lab {
    pub fn new() -> Self {
        let lab = Self { client: Netns::new(), router: Netns::new(), server: Netns::new() };
        veth(&lab.client, "a0", "10.9.1.2/24", &lab.router, "r0", "10.9.1.1/24");
        veth(&lab.server, "b0", "10.9.2.2/24", &lab.router, "r1", "10.9.2.1/24");
        for (ns, dev, addr) in [
            (&lab.client, "a0", "fd09:1::2/64"),
            (&lab.router, "r0", "fd09:1::1/64"),
            (&lab.server, "b0", "fd09:2::2/64"),
            (&lab.router, "r1", "fd09:2::1/64"),
        ] {
            ns.address(dev, addr);
        }
        lab.client.route("0.0.0.0/0", "10.9.1.1");
        lab.client.route("::/0", "fd09:1::1");
        lab.server.route("0.0.0.0/0", "10.9.2.1");
        lab.server.route("::/0", "fd09:2::1");
        lab.router.sysctl("net.ipv4.ip_forward", "1");
        lab.router.sysctl("net.ipv6.conf.all.forwarding", "1");
        lab
    }

    /// The handle of the router's rule whose listing contains `part`.
    pub fn handle(&self, part: &str) -> u64 {
        let listing = self.router.cmd("nft", &["-a", "list", "ruleset"], "");
        let line = listing.lines().find(|l| l.contains(part)).unwrap_or_else(|| panic!("no {part} in {listing}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

pub fn config(filter: &str) -> Config {
    let selection = Selection { filter: Some(Filter::parse(filter).unwrap()), interface: None };
    let trace = Some(TraceConfig { rate: None, ephemeral: true });
    Config { selection, trace, ..Config::default() }
}

pub fn start(ns: &Netns, config: Config) -> Evidence {
    ns.run(|| Evidence::start(config)).unwrap_or_else(|e| panic!("{e}"))
}

pub fn trace(ns: &Netns, filter: &str) -> Evidence {
    let evidence = start(ns, config(filter));
    assert!(evidence.gaps().is_empty(), "{:?}", evidence.gaps());
    evidence
}

pub fn send(ns: &Netns, to: &str) {
    ns.run(|| {
        let any = if to.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
        let _ = UdpSocket::bind(any).unwrap().send_to(b"x", to);
    });
}

pub fn next(evidence: &Evidence) -> Journey {
    match evidence.next_within(PATIENCE) {
        Ok(Event::Journey(j)) => *j,
        other => panic!("expected a journey, got {other:?}"),
    }
}

pub fn text(s: &Step) -> String {
    let hook = s.hook.map_or("?", Hook::name);
    match &s.record {
        Record::Edge(Edge::Enters, _) => format!("> {hook}"),
        Record::Edge(Edge::Leaves, _) => format!("< {hook}"),
        Record::Nft(t) => {
            let verdict = t.policy.as_ref().or(t.verdict.as_ref()).map(ToString::to_string).unwrap_or_default();
            let handle = t.rule_handle.map(|h| format!(" #{h}")).unwrap_or_default();
            format!("{hook} {} {} {} {} {verdict}{handle}", t.family, t.table, t.chain, t.kind)
        }
        Record::Legacy(l) => format!("{hook} legacy {} {} {:?} {}", l.table, l.chain, l.comment, l.number),
    }
}

pub fn steps(j: &Journey) -> Vec<String> {
    j.steps.iter().map(text).collect()
}

pub fn last(j: &Journey) -> String {
    text(j.steps.last().unwrap())
}
