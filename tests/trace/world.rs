//! A router between a client and a server, and its traced packets.

use nfblame::evaluate::hook::Hook;
use nfblame::evidence::trace::{Edge, Record, Step};
use nfblame::evidence::{Config, Event, Evidence, Journey, Selection, TraceConfig};
use nfblame::filter::Filter;

pub use crate::common::lab::Lab;

use crate::common::Netns;
use std::net::UdpSocket;
use std::time::Duration;

pub const PATIENCE: Duration = Duration::from_secs(10);

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
