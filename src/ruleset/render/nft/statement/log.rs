//! `log`

use nfblame_sys::nft::expr::{Log, LogFlags, LogLevel};

use crate::ruleset::render::out::{Out, put};

pub(super) fn write(log: &Log, out: &mut Out) {
    out.str("log");
    if let Some(prefix) = &log.prefix {
        out.str(" prefix \"");
        out.bytes(prefix.as_bytes());
        out.str("\"");
    }
    if let Some(group) = log.group {
        put!(out, " group {group}");
    }
    if let Some(snaplen) = log.snaplen {
        put!(out, " snaplen {snaplen}");
    }
    if let Some(threshold) = log.qthreshold {
        put!(out, " queue-threshold {threshold}");
    }
    match log.level {
        // The default.
        None | Some(LogLevel::Warn) => {}
        Some(LogLevel::Unknown(_)) => out.str(" level unknown"),
        Some(level) => put!(out, " level {level}"),
    }
    flags(log.flags, out);
}

fn flags(flags: LogFlags, out: &mut Out) {
    // NF_LOG_MASK
    const ALL: LogFlags =
        LogFlags::TCPSEQ.union(LogFlags::TCPOPT).union(LogFlags::IPOPT).union(LogFlags::UID).union(LogFlags::MACDECODE);
    if flags.contains(ALL) {
        return out.str(" flags all");
    }
    match (flags.contains(LogFlags::TCPSEQ), flags.contains(LogFlags::TCPOPT)) {
        (false, false) => {}
        (true, false) => out.str(" flags tcp sequence"),
        (false, true) => out.str(" flags tcp options"),
        (true, true) => out.str(" flags tcp sequence,options"),
    }
    for (flag, name) in
        [(LogFlags::IPOPT, " flags ip options"), (LogFlags::UID, " flags skuid"), (LogFlags::MACDECODE, " flags ether")]
    {
        if flags.contains(flag) {
            out.str(name);
        }
    }
}
