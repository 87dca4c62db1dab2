//! Lists the legacy tables of this network namespace: chains with policies, rules with what they do.
//!
//! ```text
//! cargo run -p nfblame-sys --example legacy_tables
//! ```
//!
//! Needs `CAP_NET_ADMIN`.

use nfblame_sys::xt::{Action, Family, Legacy};

fn main() -> nfblame_sys::Result<()> {
    for family in [Family::Ip, Family::Ip6, Family::Arp] {
        for table in Legacy::open(family)?.tables()? {
            println!("{family:?} {}", table.name());
            for chain in table.chains() {
                match chain.policy() {
                    Some(policy) => println!("  {} policy {policy:?} {:?}", chain.name(), chain.counters()),
                    None => println!("  {}", chain.name()),
                }
                for rule in chain.rules() {
                    let matches: Vec<_> = rule.entry.matches().flatten().map(|m| m.decode(family)).collect();
                    match rule.action() {
                        Ok(Action::Target(t)) => println!("    {}: {matches:?} {:?}", rule.position, t.decode(family)),
                        Ok(action) => println!("    {}: {matches:?} {action:?}", rule.position),
                        Err(e) => println!("    {}: {matches:?} [{e}]", rule.position),
                    }
                }
            }
        }
    }
    Ok(())
}
