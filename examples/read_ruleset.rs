//! Reads every ruleset of this network namespace and says what is in it, and how long that took.
//!
//! ```text
//! cargo run --release --example read_ruleset
//! ```

use std::time::Instant;

use nfblame::ruleset::Ruleset;
use nfblame::sys::Error;
use nfblame::sys::nft::{Element, Rule};

fn main() -> Result<(), Error> {
    let start = Instant::now();
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
