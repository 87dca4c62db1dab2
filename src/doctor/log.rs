//! NFLOG: who may listen, who does, and what else loggers do.

use std::{fs, io};

use super::feature::{Feature, Part, State};
use crate::evidence::logger;
use crate::sys::ct::Conntrack;
use crate::sys::nflog::{self, Config, Holder, Listener};
use crate::sys::{Result, Text, ns};

/// nfnetlink_log.
pub const NFNETLINK_LOG: Part =
    Part { module: "nfnetlink_log", symbol: "nfulnl_log_packet", config: "CONFIG_NETFILTER_NETLINK_LOG" };
const GLUE: Part = Part {
    module: "nf_conntrack_netlink",
    symbol: "ctnetlink_dump_table",
    config: "CONFIG_NF_CT_NETLINK and CONFIG_NETFILTER_NETLINK_GLUE_CT",
};

/// `wanted`: the groups that rules log to.
pub fn all(wanted: &[u16]) -> Vec<Feature> {
    let listed = nflog::holders();
    let holders = listed.as_deref().unwrap_or_default();
    let mut glue = None;
    let nflog = Feature::new("NFLOG", "hearing of packets that rules log").ask(&NFNETLINK_LOG, || {
        bind(wanted, holders).map(|has_glue| {
            glue = has_glue;
            String::new()
        })
    });
    let conntrack = conntrack(glue, &nflog);
    vec![nflog, groups(wanted, &listed), conntrack, loggers(), leftovers()]
}

/// Binds a group that nobody logs to and nobody holds. Some(does it bring connections?), if that could be asked for.
fn bind(wanted: &[u16], holders: &[Holder]) -> Result<Option<bool>> {
    let ask = !Conntrack::would_load();
    let mut listener = Listener::open(Config { receive_buffer: 0, conntrack: ask, ..Config::default() })?;
    let free = (0..=u16::MAX).rev().find(|g| !wanted.contains(g) && holders.iter().all(|h| h.group != *g));
    let Some(group) = free else { return Ok(None) };
    listener.bind(group)?;
    let glue = ask.then(|| listener.has_conntrack());
    listener.unbind(group)?;
    Ok(glue)
}

fn conntrack(glue: Option<bool>, nflog: &Feature) -> Feature {
    let feature =
        Feature::new("connections in NFLOG", "the connection of each logged packet, as it was then").optional();
    match glue {
        Some(true) => feature,
        Some(false) => feature.refused(
            &GLUE,
            crate::sys::Error::os(
                "ask for connections with packets of",
                "NFLOG",
                std::io::Error::from_raw_os_error(nix::libc::EOPNOTSUPP),
            ),
        ),
        None if nflog.state != State::Works => feature.unknown("NFLOG does not work", "see NFLOG"),
        None => feature.ask(&GLUE, || Ok(String::new())),
    }
}

fn groups(wanted: &[u16], listed: &io::Result<Vec<Holder>>) -> Feature {
    let mut feature = Feature::new("NFLOG groups", "each group has one reader");
    let holders = match listed {
        Ok(holders) => holders,
        Err(e) => return feature.unknown(format!("/proc/net/netfilter/nfnetlink_log: {e}"), "run as root"),
    };
    for holder in holders {
        let logged_to = if wanted.contains(&holder.group) { ", and rules log to it" } else { "" };
        feature = feature.found(format!("group {} is held by {holder}{logged_to}", holder.group));
    }
    let taken: Vec<&Holder> = holders.iter().filter(|h| wanted.contains(&h.group)).collect();
    for group in wanted.iter().filter(|g| holders.iter().all(|h| h.group != **g)) {
        feature = feature.found(format!("group {group} is free, and rules log to it"));
    }
    match taken.as_slice() {
        [] => feature,
        taken => {
            let groups: Vec<String> = taken.iter().map(|h| format!("{} (by {h})", h.group)).collect();
            feature.no(
                format!("taken: {}", groups.join(", ")),
                "stop that program while nfblame watches, or let the rules log to another group; \
                 `nfblame watch --trace` sees drops without groups",
            )
        }
    }
}

/// Numbers of protocol families that log, and their names.
const FAMILIES: [(u8, &str); 5] = [(2, "ip"), (10, "ip6"), (3, "arp"), (5, "netdev"), (7, "bridge")];

/// What the LOG target and `log` without a group write to. They never need nfblame, but people wonder where their
/// lines are.
fn loggers() -> Feature {
    let feature = Feature::new("loggers", "where rules that log without a group send their lines").optional();
    let text = match fs::read_to_string(ns::proc_net("netfilter/nf_log")) {
        Ok(text) => text,
        Err(e) => return feature.unknown(format!("/proc/net/netfilter/nf_log: {e}"), "run as root"),
    };
    let mut feature = feature;
    for (family, now, available) in text.lines().filter_map(parse_logger) {
        if let Some((_, name)) = FAMILIES.iter().find(|(n, _)| *n == family) {
            let now = if now == "NONE" { "nobody".to_owned() } else { Text::new(now).to_string() };
            feature = feature.found(format!("{name}: {now} (of {})", Text::new(available)));
        }
    }
    match log_all_namespaces() {
        Some(false) => feature
            .found("the kernel's own log takes no lines from this namespace: net.netfilter.nf_log_all_netns is 0"),
        _ => feature,
    }
}

/// `10 nf_log_ipv6 (nf_log_ipv6,nfnetlink_log)`.
fn parse_logger(line: &str) -> Option<(u8, &str, &str)> {
    let mut words = line.split_ascii_whitespace();
    let family = words.next()?.parse().ok()?;
    let now = words.next()?;
    Some((family, now, words.next()?.trim_matches(['(', ')'])))
}

/// In another namespace than the first process's: does the kernel's log take lines from here? Only the first namespace
/// has the key.
fn log_all_namespaces() -> Option<bool> {
    let first = ns::NetNs::of_process(1).ok()?;
    if first.id() == ns::current_id().ok()? {
        return None;
    }
    let value = first.run(|| fs::read_to_string("/proc/sys/net/netfilter/nf_log_all_netns")).ok()?.ok()?;
    Some(value.trim() != "0")
}

/// What killed runs left.
fn leftovers() -> Feature {
    let mut feature = Feature::new("leftovers", "settings that a killed nfblame could not put back");
    let mut left = logger::leftovers();
    // What stands in another namespace, which may be gone, is told; only what stands here is wrong here.
    left.sort_by_key(|l| !l.is_here());
    for leftover in &left {
        let place = if leftover.is_here() { "here".to_owned() } else { format!("in net:[{}]", leftover.inode()) };
        for (family, before) in leftover.loggers() {
            feature = feature.found(format!("{place}, net.netfilter.nf_log.{family} was {}", Text::new(before)));
        }
    }
    if !left.first().is_some_and(logger::Leftover::is_here) {
        return feature;
    }
    feature.no("a run was killed before it could put the loggers back", "nfblame doctor --repair")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_of_loggers_is_read() {
        assert_eq!(
            parse_logger(" 2 nf_log_ipv4 (nf_log_ipv4,nfnetlink_log)"),
            Some((2, "nf_log_ipv4", "nf_log_ipv4,nfnetlink_log"))
        );
        assert_eq!(parse_logger(" 0 NONE ()"), Some((0, "NONE", "")));
        assert_eq!(parse_logger("x"), None);
    }
}
