//! Connection tracking.

use nfblame::report::conntrack as report;
use nfblame::ruleset::render::Out;
use nfblame::sys::ct::{Conntrack, Filter};
use nfblame::sys::netlink::Client;
use nfblame::sys::netlink::fake::Fake;

/// What the kernel could answer to a dump of connections, of expectations or of counters.
pub fn conntrack(data: &[u8]) {
    let answers = || Conntrack::new(Client::new(Fake::new().reply(data).done()));
    let mut text = Out::new();
    let _ = answers().dump(&Filter::any(), |flow| {
        text.truncate(0);
        report::flow(&mut text, flow, 0);
        let _ = serde_json::to_string(&report::FlowLine::new(flow, None));
    });
    for e in answers().expectations().unwrap_or_default() {
        report::expectation(&mut text, &e);
    }
    for cpu in answers().cpu_stats().unwrap_or_default() {
        let _ = report::cpu(&cpu);
    }
    let _ = answers().totals();
}
