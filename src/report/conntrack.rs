//! Connections as text in the manner of conntrack(8). JSON is in the lines that end in `Line`.

use std::fmt::Write as _;

use nix::libc;

use crate::evaluate::Network;
use crate::host::conntrack::{Summary, Top};
use crate::host::{Usage, heavy::Talker};
use crate::ruleset::render::{Out, put};
use crate::sys::ct::{Change, CpuStats, Expectation, Flow, L4, ProtoInfo, Status, Synproxy, Tuple};

mod json;

pub use json::{ExpectLine, FlowLine, StatsLine, TopLine};

/// Appends a connection as `conntrack -L` prints it, without the end of the line. `now`, in nanoseconds since 1970, is
/// what the age of a connection is counted from where the kernel keeps timestamps.
pub fn flow(out: &mut Out, flow: &Flow, now: u64) {
    let status = flow.status.unwrap_or_default();
    let name = protocol_name(flow.orig.protocol);
    out.str(name);
    out.str("         ".get(name.len()..).unwrap_or(" "));
    out.dec(flow.orig.protocol.into());
    if let Some(timeout) = flow.timeout.filter(|_| !status.contains(Status::OFFLOAD)) {
        field(out, "", timeout.into());
    }
    if let Some(state) =
        flow.protoinfo.as_ref().and_then(ProtoInfo::state).filter(|_| !status.contains(Status::OFFLOAD))
    {
        out.str(" ");
        out.str(&state);
    }
    tuple(out, "", &flow.orig);
    if let Some(zone) = flow.orig.zone {
        field(out, "zone-orig=", zone.into());
    }
    counters(out, flow.counters_orig);
    if flow.status.is_some() && !status.contains(Status::SEEN_REPLY) {
        out.str(" [UNREPLIED]");
    }
    tuple(out, "", &flow.reply);
    if let Some(zone) = flow.reply.zone {
        field(out, "zone-reply=", zone.into());
    }
    counters(out, flow.counters_reply);
    if status.contains(Status::HW_OFFLOAD) {
        out.str(" [HW_OFFLOAD]");
    } else if status.contains(Status::OFFLOAD) {
        out.str(" [OFFLOAD]");
    } else if status.contains(Status::ASSURED) {
        out.str(" [ASSURED]");
    }
    if let Some(mark) = flow.mark {
        field(out, "mark=", mark.into());
    }
    if let Some(context) = &flow.secctx {
        put!(out, " secctx={context}");
    }
    if let Some(zone) = flow.zone {
        field(out, "zone=", zone.into());
    }
    if let Some(times) = flow.timestamps {
        let end = times.stop.unwrap_or(now);
        field(out, "delta-time=", (end / 1_000_000_000).saturating_sub(times.start / 1_000_000_000));
    }
    if let Some(helper) = &flow.helper {
        put!(out, " helper={helper}");
    }
    if let Some(uses) = flow.uses {
        field(out, "use=", uses.into());
    }
    if let Some(s) = flow.synproxy.filter(|s| *s != Synproxy::default()) {
        put!(out, " isn={} its={} tsoff={}", s.isn, s.its, s.tsoff);
    }
    // What conntrack(8) does not know.
    for (kind, raw) in &flow.unknown {
        put!(out, " unknown({kind})=0x");
        raw.iter().for_each(|b| put!(out, "{b:02x}"));
    }
}

/// Appends what happened to a connection, as `conntrack -E` prints it.
pub fn change(out: &mut Out, change: Change, f: &Flow, now: u64) {
    let word = match change {
        Change::New => "[NEW]",
        Change::Update => "[UPDATE]",
        Change::Destroy => "[DESTROY]",
    };
    put!(out, "{word:>9} ");
    flow(out, f, now);
    if let Some(port) = f.port {
        put!(out, " [USERSPACE] portid={port}");
    }
}

fn tuple(out: &mut Out, prefix: &str, t: &Tuple) {
    for (name, addr) in [("src=", t.src), ("dst=", t.dst)] {
        out.str(" ");
        out.str(prefix);
        out.str(name);
        out.address(addr);
    }
    match t.l4 {
        L4::Ports { src, dst } if t.protocol == libc::IPPROTO_GRE as u8 => {
            put!(out, " srckey={src:#x} dstkey={dst:#x}");
        }
        L4::Ports { src, dst } => {
            field(out, "sport=", src.into());
            field(out, "dport=", dst.into());
        }
        L4::Icmp { kind, code, id } => {
            field(out, "type=", kind.into());
            field(out, "code=", code.into());
            field(out, "id=", id.into());
        }
        // Where the kernel has no tracker for such a protocol, conntrack(8) prints what it has not been told as 0.
        L4::None => match i32::from(t.protocol) {
            libc::IPPROTO_TCP | libc::IPPROTO_UDP | libc::IPPROTO_UDPLITE | libc::IPPROTO_SCTP | libc::IPPROTO_DCCP => {
                out.str(" sport=0 dport=0");
            }
            libc::IPPROTO_GRE => out.str(" srckey=0x0 dstkey=0x0"),
            _ => {}
        },
    }
}

fn counters(out: &mut Out, c: Option<crate::sys::ct::Counters>) {
    if let Some(c) = c {
        field(out, "packets=", c.packets);
        field(out, "bytes=", c.bytes);
    }
}

fn field(out: &mut Out, name: &str, value: u64) {
    out.str(" ");
    out.str(name);
    out.dec(value);
}

/// The names that conntrack(8) uses.
fn protocol_name(number: u8) -> &'static str {
    match i32::from(number) {
        libc::IPPROTO_TCP => "tcp",
        libc::IPPROTO_UDP => "udp",
        libc::IPPROTO_ICMP => "icmp",
        libc::IPPROTO_ICMPV6 => "icmpv6",
        libc::IPPROTO_SCTP => "sctp",
        libc::IPPROTO_DCCP => "dccp",
        libc::IPPROTO_GRE => "gre",
        libc::IPPROTO_UDPLITE => "udplite",
        _ => "unknown",
    }
}

/// A protocol's name, or its number where it has none. Only ICMPv6 is another one over IPv6, and has its own number.
fn any_name(number: u8) -> String {
    let network = if number == libc::IPPROTO_ICMPV6 as u8 { Network::Ip6 } else { Network::Ip4 };
    crate::blame::packet::protocol_name(network, number).into_owned()
}

/// The counters of one CPU as `conntrack -S` prints them. What the kernel does not count is left out.
pub fn cpu(s: &CpuStats) -> String {
    let mut line = format!("cpu={:<4}\t", s.cpu);
    for (name, value) in [
        ("found", s.found),
        ("invalid", s.invalid),
        ("insert", s.insert),
        ("insert_failed", s.insert_failed),
        ("drop", s.drop),
        ("early_drop", s.early_drop),
        ("error", s.error),
        ("search_restart", s.search_restart),
        ("clash_resolve", s.clash_resolve),
        ("chaintoolong", s.chain_toolong),
    ] {
        if let Some(value) = value {
            let _ = write!(line, "{name}={value} ");
        }
    }
    line
}

/// How full the table is, in one line.
pub fn usage(u: Usage) -> String {
    match u.percent() {
        Some(percent) => format!("{} of {} entries ({percent} %)", u.count, u.max),
        None => format!("{} entries, no limit", u.count),
    }
}

/// Appends an expectation, as `conntrack -L expect` prints it, without the end of the line.
pub fn expectation(out: &mut Out, e: &Expectation) {
    out.dec(e.timeout.unwrap_or(0).into());
    field(out, "proto=", e.tuple.protocol.into());
    tuple(out, "", &e.tuple);
    // Only addresses are told apart by a prefix.
    tuple(out, "mask-", &e.mask);
    tuple(out, "master-", &e.master);
    if let Some(zone) = e.zone {
        field(out, "zone=", zone.into());
    }
    field(out, "class=", e.class.unwrap_or(0).into());
    if let Some(helper) = &e.helper {
        put!(out, " helper={helper}");
    }
}

/// The summary of a table for people.
pub fn top(summary: &Summary, top: &Top, used: Option<Usage>) -> String {
    let mut out = String::new();
    if let Some(used) = used {
        let _ = writeln!(out, "{}", usage(used));
    }
    let Summary { total, unreplied, assured, translated, offloaded, .. } = summary;
    let _ = writeln!(
        out,
        "{total} connections: {unreplied} unreplied, {assured} assured, {translated} translated, {offloaded} offloaded"
    );
    let mut states: Vec<_> = summary.states.iter().collect();
    states.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    section(&mut out, "by state", states.into_iter().map(|((p, s), n)| (format!("{} {s}", any_name(*p)), *n, 0)));
    let distinct = match top.distinct_sources {
        Some(n) => format!("by source ({n} of them)"),
        None => "by source (too many to count)".to_owned(),
    };
    let parts = |t: &Talker<crate::host::conntrack::End>| (t.key.address.to_string(), t.count, t.or_more);
    section(&mut out, &distinct, top.sources.iter().map(parts));
    section(&mut out, "by destination", top.destinations.iter().map(parts));
    section(
        &mut out,
        "by service",
        top.services.iter().map(|t| {
            let port = t.key.port.map_or_else(String::new, |p| format!("/{p}"));
            (format!("{}{port}", any_name(t.key.protocol)), t.count, t.or_more)
        }),
    );
    out
}

fn section(out: &mut String, title: &str, rows: impl Iterator<Item = (String, u64, u64)>) {
    let _ = writeln!(out, "{title}");
    for (what, count, or_more) in rows {
        let doubt = if or_more > 0 { format!(" (up to {} more)", or_more) } else { String::new() };
        let _ = writeln!(out, "{count:>10}  {what}{doubt}");
    }
}
