//! Lists tracked connections, or those to one port: `cargo run -p nfblame-sys --example connections -- 443`.
//!
//! Needs `CAP_NET_ADMIN`. However many there are, only one is in memory at a time.

use nfblame_sys::Result;
use nfblame_sys::ct::{Conntrack, Filter, ProtoInfo, TupleFilter};

fn main() -> Result<()> {
    let dport = std::env::args().nth(1).and_then(|port| port.parse().ok());
    let filter = Filter { orig: TupleFilter { dport, ..TupleFilter::default() }, ..Filter::any() };
    let mut table = Conntrack::open()?;
    let mut count = 0u64;
    table.dump(&filter, |flow| {
        count += 1;
        let (from, to) = (flow.orig, flow.reply);
        let state = flow.protoinfo.as_ref().and_then(ProtoInfo::state).unwrap_or_default();
        let nat = if to.src == from.dst && to.dst == from.src { "" } else { " (translated)" };
        println!("{} > {} protocol {} {state}{nat}", from.src, from.dst, from.protocol);
    })?;
    let totals = table.totals()?;
    eprintln!("{count} shown; {} in the table, which holds {:?}", totals.entries, totals.max);
    Ok(())
}
