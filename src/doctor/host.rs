//! What the packet path outside rules is read from, and what only some uses need.

use std::fs;
use std::path::Path;

use super::feature::{Feature, Part, count};
use crate::evidence::dropmon::taken;
use crate::evidence::logger;
use crate::sys::Result;
use crate::sys::ct::Conntrack;
use crate::sys::diag::{Protocol, Sockets};
use crate::sys::dropmon::{self, Occupied};
use crate::sys::netlink::{Family as Netlink, Socket};

const CTNETLINK: Part =
    Part { module: "nf_conntrack_netlink", symbol: "ctnetlink_dump_table", config: "CONFIG_NF_CT_NETLINK" };
const TCP_DIAG: Part = Part { module: "tcp_diag", symbol: "tcp_diag_dump", config: "CONFIG_INET_TCP_DIAG" };
const UDP_DIAG: Part = Part { module: "udp_diag", symbol: "udp_diag_dump", config: "CONFIG_INET_UDP_DIAG" };
const RAW_DIAG: Part = Part { module: "raw_diag", symbol: "raw_diag_dump", config: "CONFIG_INET_RAW_DIAG" };
const DROP_MONITOR: Part =
    Part { module: "drop_monitor", symbol: "net_dm_cmd_trace", config: "CONFIG_NET_DROP_MONITOR" };

/// All of them.
pub fn all() -> Vec<Feature> {
    vec![
        Feature::new("ctnetlink", "the connection that a packet belongs to").ask(&CTNETLINK, connections),
        sockets(Protocol::Tcp, "sock_diag tcp", "who listens on a TCP port", TCP_DIAG),
        sockets(Protocol::Udp, "sock_diag udp", "who listens on a UDP port", UDP_DIAG),
        sockets(Protocol::Raw, "sock_diag raw", "raw sockets", RAW_DIAG).optional(),
        drop_monitor(),
        audit(),
        user_namespaces(),
    ]
}

fn connections() -> Result<String> {
    let totals = Conntrack::open()?.totals()?;
    let max = totals.max.map_or_else(String::new, |max| format!(" of at most {max}"));
    Ok(format!("{}{max}", count(totals.entries as usize, "connection")))
}

fn sockets(protocol: Protocol, feature: &'static str, purpose: &'static str, part: Part) -> Feature {
    let feature = Feature::new(feature, purpose);
    let ask = || Sockets::open()?.listeners(protocol, 0).map(|all| count(all.len(), "listener"));
    if Sockets::would_load(protocol) { feature.ask(&part, ask) } else { feature.answer(&part, ask()) }
}

/// One monitor for the whole machine, which belongs to the first network namespace. Whether it runs is told without
/// starting it.
fn drop_monitor() -> Feature {
    let feature =
        Feature::new("drop monitor", "drops that no rule logs, and those outside the rules, with the kernel's reason")
            .optional();
    let looked = dropmon::initial_namespace().and_then(|first| {
        first.run(|| match dropmon::find()? {
            Some(family) => Ok(Some(dropmon::Session::look(family, Path::new(logger::NOTES))?)),
            None => Ok(None),
        })?
    });
    match looked {
        Ok(Some(None)) => feature,
        Ok(Some(Some(by))) if by.reports().is_none() => feature.refused(&DROP_MONITOR, taken()),
        Ok(Some(Some(Occupied::Leftover))) => {
            feature.found("left running by a killed nfblame; the next watch takes it over, and ends it")
        }
        Ok(Some(Some(Occupied::Ours))) => feature.found("used by another nfblame; both hear of all drops"),
        Ok(Some(Some(Occupied::Other(_)))) => feature.found("used by another program; both hear of all drops"),
        Ok(None) => feature.no("this kernel has no drop monitor now", DROP_MONITOR.remedy()),
        Err(e) => feature.refused(&DROP_MONITOR, e),
    }
}

/// `AUDIT_NLGRP_READLOG` (include/uapi/linux/audit.h).
const READLOG: u32 = 1;
const AUDIT: Part = Part { module: "audit", symbol: "audit_log_start", config: "CONFIG_AUDIT" };

fn audit() -> Feature {
    let feature = Feature::new("audit", "who changed legacy tables, and the records of the AUDIT target").optional();
    // A kernel without it would look for a module to speak the protocol.
    if !Path::new("/proc/self/loginuid").exists() {
        return feature.no("this kernel has no audit", AUDIT.remedy());
    }
    match Socket::open(Netlink::Audit).and_then(|s| s.join(READLOG)) {
        Ok(()) => feature,
        Err(e) if e.errno() == Some(nix::libc::EPERM) => {
            feature.no("reading the audit log was refused", "CAP_AUDIT_READ in the first user namespace: run as root")
        }
        Err(e) => feature.refused(&AUDIT, e),
    }
}

/// Whether anybody may make one, by the settings that forbid it.
fn user_namespaces() -> Feature {
    let feature = Feature::new("user namespaces", "nfblame demo without root").optional();
    if !Path::new("/proc/self/ns/user").exists() {
        return feature.no("this kernel has no user namespaces", "a kernel built with CONFIG_USER_NS");
    }
    for (key, bad) in [
        ("user/max_user_namespaces", "0"),
        ("kernel/unprivileged_userns_clone", "0"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ] {
        let value = fs::read_to_string(Path::new("/proc/sys").join(key)).unwrap_or_default();
        if value.trim() == bad {
            let key = key.replace('/', ".");
            let remedy = format!("run as root, or: sysctl -w {key}={}", if bad == "0" { "1" } else { "0" });
            return feature.no(format!("{key} is {bad}"), remedy);
        }
    }
    feature
}
