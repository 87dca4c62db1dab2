//! Kernels that lack one thing each: every command works or says what is missing and what would bring it, and none of them
//! loads it.

use std::fs;

use nfblame_vm_tests::Outcome;

use super::bare::{LOADER, unchanged};
use crate::cli::{Said, Watch, call, feature, must, nfblame};
use crate::modules;
use crate::out::Out;

const RULES: &str = "
table inet lacking {
	chain input {
		type filter hook input priority 0
		ip saddr 192.0.2.7 tcp dport 22 counter log group 9 drop
	}
}
";

/// All that is taken away in turn.
const PRESENT: &[&str] = &[
    "nf_tables",
    "nft_counter",
    "nft_log",
    "nfnetlink_log",
    "nf_conntrack_netlink",
    "ip_tables",
    "iptable_filter",
    "ip6_tables",
    "ip6table_filter",
    "drop_monitor",
    "nfnetlink_hook",
    "ip_set",
    "tcp_diag",
    "udp_diag",
];

/// What is taken away: modules in the order in which they can go, of which the last one is missed.
struct Lack {
    modules: &'static [&'static str],
    /// As doctor calls it.
    feature: &'static str,
}

const LACKS: &[Lack] = &[
    Lack { modules: &["nfnetlink_hook"], feature: "hook order" },
    Lack { modules: &["drop_monitor"], feature: "drop monitor" },
    Lack { modules: &["nf_conntrack_netlink"], feature: "ctnetlink" },
    Lack { modules: &["ip_set"], feature: "ipset" },
    Lack { modules: &["tcp_diag"], feature: "sock_diag tcp" },
    Lack { modules: &["udp_diag"], feature: "sock_diag udp" },
    Lack { modules: &["iptable_filter", "ip_tables"], feature: "legacy ip tables" },
    Lack { modules: &["ip6table_filter", "ip6_tables"], feature: "legacy ip6 tables" },
    Lack { modules: &["nft_log", "nfnetlink_log"], feature: "NFLOG" },
    Lack { modules: &["nft_log", "nft_counter", "nf_tables"], feature: "nf_tables" },
];

const COMMANDS: &[&[&str]] = &[
    &["list"],
    &["list", "--as", "iptables-save"],
    &["explain", "tcp", "192.0.2.7:4242", "127.0.0.1:22", "-i", "lo"],
    &["why", "tcp", "192.0.2.7:4242", "127.0.0.1:22", "-i", "lo"],
    &["check"],
    &["conntrack", "list"],
];

/// Runs it.
pub fn run(out: &mut Out) {
    for lack in LACKS {
        for module in PRESENT {
            modules::load(module);
        }
        let missed = lack.modules.last().copied().unwrap_or_default();
        if !modules::loaded().contains(missed) {
            let why = format!("{missed} is built in, or not of this version");
            out.test(&format!("without {missed}"), Outcome::Ignored, why);
            continue;
        }
        let rules = if missed == "nf_tables" { Ok(String::new()) } else { must("/usr/sbin/nft", &["-f", "-"], RULES) };
        let taken = rules.and_then(|_| {
            // What holds a module of nf_tables are its rules.
            if lack.modules.contains(&"nft_log") {
                let _ = call("/usr/sbin/nft", &["flush", "ruleset"], "");
            }
            lack.modules.iter().try_for_each(|m| modules::unload(m))
        });
        if let Err(e) = taken {
            out.test(&format!("without {missed}"), Outcome::Failed, e);
            continue;
        }
        without(missed, lack.feature, out);
        let _ = call("/usr/sbin/nft", &["flush", "ruleset"], "");
    }
    unprivileged(out);
}

fn without(missed: &str, feature: &str, out: &mut Out) {
    let before = modules::loaded();
    modules::asked();
    for words in COMMANDS {
        let done = nfblame(words).and_then(|said| works_or_tells(&said)).and_then(|()| unchanged(&before));
        out.result(&format!("without {missed}: {}", words.join(" ")), done);
    }
    let told = told(missed, feature).and_then(|()| unchanged(&before));
    out.result(&format!("without {missed}: doctor says what would bring it"), told);
    // Listening loads what it needs; here nothing can be loaded.
    let done = fs::write(LOADER, "\n").map_err(|e| format!("{LOADER}: {e}"));
    let watched = done.and_then(|()| {
        let watched = [&["-g", "9"][..], &["--trace", "port", "9"]].into_iter().try_for_each(watched);
        fs::write(LOADER, "/sbin/modprobe\n").map_err(|e| format!("{LOADER}: {e}")).and(watched)
    });
    out.result(&format!("without {missed}: watch"), watched);
}

/// It watches, or it ends before it is ready: what it says then counts.
fn watched(words: &[&str]) -> Result<(), String> {
    Watch::start(words).and_then(Watch::end).map(drop).or_else(|e| {
        let said = nfblame(&[&["watch", "-j", "-c", "1"], words].concat())?;
        works_or_tells(&said).map_err(|w| format!("{e}; {w}"))
    })
}

/// Everything is there, and nothing is allowed.
fn unprivileged(out: &mut Out) {
    const SETPRIV: &str = "/usr/bin/setpriv";
    const NOBODY: &[&str] = &["--reuid=65534", "--regid=65534", "--clear-groups", "--", "/bin/nfblame"];
    let more: &[&[&str]] = &[&["watch", "-c", "1"], &["watch", "--trace", "-c", "1"], &["doctor"]];
    for words in COMMANDS.iter().chain(more) {
        let done = call(SETPRIV, &[NOBODY, words].concat(), "").and_then(|said| match said.code {
            Some(0 | 1) => Ok(()),
            Some(2) if ["CAP_NET_ADMIN", "root"].iter().any(|w| said.err.contains(w)) => Ok(()),
            code => Err(format!("exit {code:?}\n{}\n{}", said.out, said.err)),
        });
        out.result(&format!("without privileges: {}", words.join(" ")), done);
    }
}

fn works_or_tells(said: &Said) -> Result<(), String> {
    match said.code {
        Some(0 | 1) => Ok(()),
        Some(2) if ["modprobe", "CONFIG_"].iter().any(|w| said.err.contains(w)) => Ok(()),
        code => Err(format!("exit {code:?}\n{}\n{}", said.out, said.err)),
    }
}

fn told(missed: &str, name: &str) -> Result<(), String> {
    let found = feature(name)?;
    let remedy = found["remedy"].as_str().unwrap_or_default();
    if found["state"] != "works" && remedy.contains(&format!("modprobe {missed}")) && remedy.contains("CONFIG_") {
        return Ok(());
    }
    Err(format!("doctor says: {found}"))
}
