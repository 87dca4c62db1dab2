//! Follows the rulesets of this network namespace until it is interrupted: who changed what, in which generation, and
//! which rules came and went. Needs `CAP_NET_ADMIN`.
//!
//! ```text
//! cargo run --example follow_ruleset
//! ```

use std::collections::BTreeSet;

use nfblame::listing::{Listing, chains};
use nfblame::ruleset::Ruleset;
use nfblame::sys::Error;
use nfblame::watch::{Follower, Update};

fn main() -> Result<(), Error> {
    let (follower, first) = Follower::start()?;
    let mut before = lines(&first.rules);
    println!("generation {}: {} rules", generation(&first.rules), before.len());
    while let Some(Update { rules, changes, lost, .. }) = follower.wait() {
        for change in changes.iter().map(|c| &c.change) {
            let program = change.program.as_deref().unwrap_or("somebody");
            let pid = change.pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
            println!("generation {} by {program}{pid}", change.generation);
        }
        if changes.is_empty() {
            println!("legacy tables changed; the kernel does not say by whom");
        }
        if lost {
            println!("announcements were lost: other changes came in between");
        }
        let after = lines(&rules);
        before.difference(&after).for_each(|line| println!("- {line}"));
        after.difference(&before).for_each(|line| println!("+ {line}"));
        println!("  that is generation {}: {} rules", generation(&rules), after.len());
        before = after;
    }
    Ok(())
}

/// All rules with the names of their chains. A rule's handle tells it from others with the same words.
fn lines(rules: &Ruleset) -> BTreeSet<String> {
    let listing = Listing::new(rules);
    let of_chain = |at| {
        let name = listing.chain(at).name();
        let line = move |(n, rule): (usize, nfblame::listing::Entry)| {
            let number = rule.rule_handle.map_or(format!("rule {}", n + 1), |handle| format!("handle {handle}"));
            format!("{name}: {} # {number}", rule.text.unwrap_or_default())
        };
        listing.entries(at).enumerate().map(line).collect::<Vec<_>>()
    };
    chains(rules).flat_map(of_chain).collect()
}

fn generation(rules: &Ruleset) -> String {
    rules.generation.map_or("unknown".into(), |g| g.to_string())
}
