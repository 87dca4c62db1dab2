//! Records what the kernel says about nf_tables in this network namespace, as test data: one file of messages for
//! each kind of thing, and one of notifications with `events` while something else changes the rules.
//!
//! ```text
//! ip netns exec NAME target/debug/examples/record_nft DIRECTORY
//! ip netns exec NAME target/debug/examples/record_nft DIRECTORY events
//! ```

use std::path::Path;
use std::{env, fs};

use nfblame_sys::Text;
use nfblame_sys::netlink::fake::Recording;
use nfblame_sys::netlink::{Client, Family as Netlink, Messages, Socket, message};
use nfblame_sys::nft::monitor::Received;
use nfblame_sys::nft::{Dumper, Event, Family, Monitor, RulesOf};
use nfblame_sys::uapi::nfnetlink::{NFNLGRP_NFTABLES, NFNLGRP_NFTRACE};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [directory, rest @ ..] = args.as_slice() else { return Err("usage: record_nft DIRECTORY [events]".into()) };
    let directory = Path::new(directory);
    fs::create_dir_all(directory)?;
    if rest.first().is_some_and(|a| a == "events") { events(directory) } else { dumps(directory) }
}

fn dumps(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut client = Client::new(Recording::new(Socket::open(Netlink::Netfilter)?));
    let mut families = Vec::new();
    let mut sets: Vec<(Family, Text, Text)> = Vec::new();
    {
        let mut d = Dumper::begin(&mut client)?;
        d.tables(Family::Unspec, |t| families.push(t.family))?;
        families.sort_unstable();
        families.dedup();
        for &family in &families {
            d.chains(family, |_| ())?;
            d.rules(family, RulesOf::All, |_| ())?;
            d.sets(family, |s| sets.push((family, s.table, s.name)))?;
            d.objects(family, |_| ())?;
        }
        for (family, table, set) in &sets {
            d.elements(*family, table, set, |_| ())?;
        }
    }
    for (kind, name) in
        [(15, "generation"), (0, "tables"), (3, "chains"), (6, "rules"), (9, "sets"), (12, "elements"), (18, "objects")]
    {
        let mut bytes = Vec::new();
        for datagram in &client.transport().received {
            let mut at = 0;
            for m in Messages::new(datagram) {
                let m = m.map_err(|e| e.to_string())?;
                let len = message::HEADER + m.payload.len();
                if m.kind == 10 << 8 | kind {
                    bytes.extend_from_slice(datagram.get(at..at + len).unwrap_or_default());
                    bytes.resize(bytes.len().next_multiple_of(4), 0);
                }
                at += len.next_multiple_of(4);
            }
        }
        fs::write(directory.join(format!("{name}.bin")), bytes)?;
    }
    Ok(())
}

/// Until the end of the table `end` is told.
fn events(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let socket = Socket::open(Netlink::Netfilter)?;
    socket.set_receive_buffer(8 << 20)?;
    socket.join(NFNLGRP_NFTABLES)?;
    socket.join(NFNLGRP_NFTRACE)?;
    let mut monitor = Monitor::new(Recording::new(socket));
    eprintln!("ready");
    let mut ended = false;
    while !ended {
        let r = monitor.receive(|n| ended |= matches!(n.event, Event::Table(_, t) if t.name == "end"))?;
        if !matches!(r, Received::Notifications(_)) {
            return Err(format!("{r:?}").into());
        }
    }
    fs::write(directory.join("events.bin"), monitor.transport().received.concat())?;
    Ok(())
}
