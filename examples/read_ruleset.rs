//! Reads every ruleset of this network namespace and says what is in it, and how long that took.
//!
//! ```text
//! cargo run --release --example read_ruleset
//! cargo run --release --example read_ruleset -- bare
//! ```
//!
//! With `bare`, the same dumps are made and the bytes thrown away: what the kernel alone takes.

use std::time::Instant;

use nfblame::ruleset::Ruleset;
use nfblame::sys::netlink::{Client, Family};
use nfblame::sys::nft::{Element, Rule};
use nfblame::sys::uapi::nf_tables::*;
use nfblame::sys::{Error, nft};

fn main() -> Result<(), Error> {
    let start = Instant::now();
    if std::env::args().nth(1).is_some_and(|a| a == "bare") {
        let (messages, bytes) = bare()?;
        println!("{messages} messages, {bytes} bytes, {:?}", start.elapsed());
        return Ok(());
    }
    let r = Ruleset::read()?;
    let elapsed = start.elapsed();
    println!("generation {:?}", r.generation);
    for t in &r.nft {
        let rules: Vec<&Rule> = t.chains.iter().flat_map(|c| &c.rules).collect();
        let elements: Vec<&Element> = t.sets.iter().flat_map(|s| &s.elements).collect();
        let whole = rules.iter().all(|r| r.is_whole()) && elements.iter().all(|e| e.is_whole());
        println!(
            "table {} {} ({}): {} chains, {} rules, {} sets, {} elements{}",
            t.def.family,
            t.def.name,
            t.backend.name(),
            t.chains.len(),
            rules.len(),
            t.sets.len(),
            elements.len(),
            if whole { "" } else { ", not all understood" }
        );
    }
    for p in &r.problems {
        println!("{}: {}", p.object, p.message);
    }
    println!("{elapsed:?}");
    Ok(())
}

/// The dumps that reading makes, for one family (IPv4), without looking at what they bring.
fn bare() -> Result<(usize, usize), Error> {
    let mut client = Client::open(Family::Netfilter)?;
    let (mut messages, mut bytes) = (0, 0);
    let mut sets = Vec::new();
    for get in [NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETRULE, NFT_MSG_GETSET, NFT_MSG_GETOBJ] {
        let _ = client.dump(
            "read",
            "nf_tables",
            |b, flags, seq| {
                b.nf_message(10, get, flags, seq, 2, 0);
            },
            |m| {
                messages += 1;
                bytes += m.payload.len();
                if get == NFT_MSG_GETSET {
                    sets.push(nft::Set::decode(&m)?);
                }
                Ok(())
            },
        )?;
    }
    for s in &sets {
        let _ = client.dump(
            "read",
            "elements",
            |b, flags, seq| {
                b.nf_message(10, NFT_MSG_GETSETELEM, flags, seq, 2, 0);
                b.str(NFTA_SET_ELEM_LIST_TABLE, &s.table).str(NFTA_SET_ELEM_LIST_SET, &s.name);
            },
            |m| {
                messages += 1;
                bytes += m.payload.len();
                Ok(())
            },
        )?;
    }
    Ok((messages, bytes))
}
