//! Prints the rules of nf_tables in this network namespace, and says if they changed meanwhile.
//!
//! ```text
//! cargo run -p nfblame-sys --example list_rules
//! ```

use nfblame_sys::Error;
use nfblame_sys::netlink::{Client, Family as Netlink};
use nfblame_sys::nft::{self, Dumper, Family, RulesOf};

fn main() -> Result<(), Error> {
    if !nft::is_present() {
        println!("this kernel has no nf_tables, or has not loaded it");
        return Ok(());
    }
    let mut client = Client::open(Netlink::Netfilter)?;
    let mut dumper = Dumper::begin(&mut client)?;
    for family in [Family::Ip, Family::Ip6, Family::Inet, Family::Arp, Family::Bridge, Family::Netdev] {
        dumper.rules(family, RulesOf::All, |rule| {
            println!("{family} {} {} # handle {}", rule.table, rule.chain, rule.handle);
            for expr in &rule.exprs {
                println!("    {expr:?}");
            }
            if let Some(comment) = rule.comment() {
                println!("    comment {comment:?}");
            }
        })?;
    }
    if !dumper.is_consistent()? {
        println!("the rules changed while they were being read");
    }
    Ok(())
}
