//! Prints the tracked connections of this network namespace as `conntrack -L` does, then what the table is full of:
//! `cargo run --example top_connections`.
//!
//! Needs `CAP_NET_ADMIN`. However many there are, only one is in memory at a time.

use nfblame::host::conntrack::Summary;
use nfblame::report::conntrack as report;
use nfblame::ruleset::render::Out;
use nfblame::sys::Result;
use nfblame::sys::ct::{Conntrack, Filter};

fn main() -> Result<()> {
    let mut summary = Summary::default();
    let mut line = Out::new();
    // Ages are shown only where the kernel keeps timestamps.
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |d| d.as_nanos() as u64);
    Conntrack::open()?.dump(&Filter::any(), |flow| {
        line.truncate(0);
        report::flow(&mut line, flow, now);
        println!("{}", String::from_utf8_lossy(line.as_bytes()));
        summary.add(flow);
    })?;
    eprint!("{}", report::top(&summary, &summary.top(5), None));
    Ok(())
}
