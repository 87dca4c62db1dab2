//! Reading a ruleset loads no module, and makes no legacy table, however many modules stand ready.

use std::fs;

use crate::cli::{Watch, must, nfblame};
use crate::modules;
use crate::out::Out;

use super::bare::unchanged;

const RULES: &str = "
table inet quiet {
	chain input {
		type filter hook input priority 0
		ip saddr 192.0.2.7 tcp dport 22 counter drop
	}
}
";

/// What is loaded: enough for a ruleset, and for old tables to come when they are asked for.
const LOADED: &[&str] = &["crc32c_generic", "nf_tables", "nft_counter", "x_tables", "ip_tables", "ip6_tables"];
const COMMANDS: &[&[&str]] = &[
    &["list"],
    &["list", "-j"],
    &["list", "--as", "iptables-save"],
    &["list", "--as", "ip6tables-save"],
    &["explain", "tcp", "192.0.2.7:4242", "127.0.0.1:22", "-i", "lo"],
    &["explain", "-j", "icmp", "192.0.2.7", "127.0.0.1", "-i", "lo"],
    &["why", "tcp", "192.0.2.7:4242", "127.0.0.1:22", "-i", "lo"],
    &["check"],
    &["conntrack", "list"],
    &["conntrack", "stats"],
    &["doctor"],
    &["doctor", "-j"],
    &["check", "-j"],
    &["why", "-j", "udp", "127.0.0.1:4242", "192.0.2.7:53", "--out"],
];

/// Runs it.
pub fn run(out: &mut Out) {
    for module in LOADED {
        modules::load(module);
    }
    if let Err(e) = must("/usr/sbin/nft", &["-f", "-"], RULES) {
        return out.result("load a ruleset", Err(e));
    }
    modules::asked();
    let before = (modules::loaded(), tables());
    for words in COMMANDS {
        let said = nfblame(words);
        let done = said.and_then(|said| match said.code {
            Some(0 | 1) => unchanged(&before.0),
            // Connection tracking is not loaded either.
            Some(2) if words.first() == Some(&"conntrack") && said.err.contains("modprobe nf_conntrack_netlink") => {
                unchanged(&before.0)
            }
            code => Err(format!("exit {code:?}\n{}\n{}", said.out, said.err)),
        });
        out.result(&format!("{} loads nothing", words.join(" ")), done);
        out.result(&format!("{} makes no table", words.join(" ")), same(&before.1));
    }
    // Without a rule that logs there is nothing to listen to.
    let watched = Watch::start(&[]).and_then(Watch::end).and_then(|_| unchanged(&before.0));
    out.result("watch loads nothing", watched);
    out.result("watch makes no table", same(&before.1));
    let _ = must("/usr/sbin/nft", &["delete", "table", "inet", "quiet"], "");
}

fn same(before: &[String; 3]) -> Result<(), String> {
    let now = tables();
    if now == *before { Ok(()) } else { Err(format!("{before:?} became {now:?}")) }
}

fn tables() -> [String; 3] {
    ["ip_tables_names", "ip6_tables_names", "arp_tables_names"]
        .map(|name| fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default())
}
