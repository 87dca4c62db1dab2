//! A kernel of which no module of netfilter is loaded: each command works, or says what is missing and what would bring it.

use std::fs;

use crate::cli::{Said, nfblame};
use crate::modules;
use crate::out::Out;

/// Commands that work whatever there is.
const WORK: &[&[&str]] = &[
    &["doctor", "-j"],
    &["list", "-j"],
    &["list"],
    &["list", "--policies"],
    &["list", "--blockers"],
    &["list", "--as", "nft"],
    &["list", "--as", "iptables-save"],
    &["list", "--as", "ip6tables-save"],
    &["explain", "tcp", "192.0.2.1:4242", "127.0.0.1:80", "-i", "lo"],
    &["explain", "-j", "udp", "192.0.2.1:4242", "127.0.0.1:53", "-i", "lo"],
    &["why", "tcp", "127.0.0.1:4242", "127.0.0.1:80", "--out"],
    &["check", "-j"],
];

/// Commands that need what is not there.
const LACK: &[&[&str]] = &[
    &["conntrack", "list"],
    &["conntrack", "stats"],
    &["watch", "-j", "-g", "7", "-c", "1"],
    &["watch", "-j", "--trace", "-c", "1"],
    &["demo"],
];

/// What the kernel calls to load a module; nothing: it loads none.
pub const LOADER: &str = "/proc/sys/kernel/modprobe";

/// Words by which a message tells what to do.
const REMEDIES: &[&str] = &["modprobe", "CONFIG_", "module", "kernel"];

/// Runs it.
pub fn run(out: &mut Out) {
    let before = modules::loaded();
    modules::asked();
    for words in WORK {
        let done = nfblame(words).and_then(|said| match said.code {
            Some(0 | 1) => Ok(()),
            _ => Err(tell(&said)),
        });
        out.result(&words.join(" "), done);
        out.result(&format!("{} loads nothing", words.join(" ")), unchanged(&before));
    }
    // Listening and tracing may load what they need; now nothing can be loaded.
    if let Err(e) = fs::write(LOADER, "\n") {
        return out.result("keep modules away", Err(format!("{LOADER}: {e}")));
    }
    for words in LACK {
        let done = nfblame(words).and_then(|said| match said.code {
            Some(0) if words.first() == Some(&"conntrack") => Ok(()),
            Some(2) if REMEDIES.iter().any(|r| said.err.contains(r)) => Ok(()),
            _ => Err(tell(&said)),
        });
        out.result(&format!("{} says what is missing", words.join(" ")), done);
    }
    let restored = fs::write(LOADER, "/sbin/modprobe\n").map_err(|e| format!("{LOADER}: {e}"));
    out.result("let modules come again", restored);
}

fn tell(said: &Said) -> String {
    format!("exit {:?}\n{}\n{}", said.code, said.out, said.err)
}

/// Has nobody asked for a module, and is none loaded that was not?
pub fn unchanged(before: &std::collections::BTreeSet<String>) -> Result<(), String> {
    let asked = modules::asked();
    let now = modules::loaded();
    let new: Vec<&String> = now.difference(before).collect();
    if asked.is_empty() && new.is_empty() {
        return Ok(());
    }
    Err(format!("the kernel asked for {asked:?}; new are {new:?}"))
}
