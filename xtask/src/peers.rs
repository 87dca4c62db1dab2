//! The peers that tests compare with, as Debian packages.

use std::path::Path;
use std::process::{Command, Stdio};

/// A program that a test needs, and the package that has it.
const PEERS: &[(&str, &str)] = &[
    ("nft", "nftables"),
    ("iptables-legacy", "iptables"),
    ("iptables-nft", "iptables"),
    ("arptables-legacy", "arptables"),
    ("conntrack", "conntrack"),
    ("ipset", "ipset"),
    ("ip", "iproute2"),
    ("ulogd", "ulogd2"),
    ("ufw", "ufw"),
    ("tcpdump", "tcpdump"),
    ("time", "time"),
    ("sysctl", "procps"),
    ("tshark", "tshark"),
    ("python3", "python3-minimal"),
];

/// Installs what is missing. A peer that cannot be installed is named; the tests that need it then report themselves
/// as ignored, with its name.
pub fn install() {
    let mut packages: Vec<&str> = PEERS.iter().filter(|(p, _)| !found(p)).map(|(_, package)| *package).collect();
    packages.dedup();
    if packages.is_empty() {
        return;
    }
    eprintln!("xtask: installing {}", packages.join(" "));
    let apt = |args: &[&str]| {
        Command::new("apt-get")
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    let _ = apt(&["update", "-qq"]);
    // One by one: a package that this suite lacks must not keep the others away.
    for package in packages {
        apt(&["install", "-qq", "-y", "--no-install-recommends", package]);
    }
    for (program, package) in PEERS.iter().filter(|(p, _)| !found(p)) {
        eprintln!("xtask: no {program} (package {package}): the tests that need it will be ignored, by name");
    }
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|dir| Path::new(&dir).join(program).exists())
}
