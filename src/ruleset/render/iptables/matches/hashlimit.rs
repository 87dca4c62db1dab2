//! `-m hashlimit`

use nfblame_sys::xt::matches::Hashlimit;

use super::{Out, limit, list, put};
use crate::ruleset::render::iptables::Context;

pub(super) fn render(m: &Hashlimit<'_>, cx: &Context<'_>, out: &mut Out) {
    /// `XT_HASHLIMIT_GCINTERVAL` of the tool: what it does not write.
    const GC_INTERVAL: u32 = 1000;
    let above = m.mode & Hashlimit::INVERT != 0;
    out.str(if above { " --hashlimit-above" } else { " --hashlimit-upto" });
    let expire = if m.mode & Hashlimit::BYTES != 0 {
        let Some(expire) = bytes(m.average, m.burst, out) else {
            return out.unknown(format_args!("cost {}", m.average));
        };
        expire
    } else {
        let seconds = limit::rate(m.average, m.scale, out);
        put!(out, " --hashlimit-burst {}", m.burst);
        seconds.saturating_mul(1000)
    };
    const PARTS: [(u32, &str); 4] = [
        (Hashlimit::PER_SOURCE, "srcip"),
        (Hashlimit::PER_SOURCE_PORT, "srcport"),
        (Hashlimit::PER_DESTINATION, "dstip"),
        (Hashlimit::PER_DESTINATION_PORT, "dstport"),
    ];
    if PARTS.iter().any(|(bit, _)| m.mode & bit != 0) {
        out.str(" --hashlimit-mode ");
        list(PARTS.into_iter().filter(|(bit, _)| m.mode & bit != 0).map(|(_, name)| name), out);
    }
    out.str(" --hashlimit-name ");
    out.bytes(m.name.as_bytes());
    let longest = if cx.family == nfblame_sys::xt::Family::Ip { 32 } else { 128 };
    for (option, value, unsaid) in [
        ("htable-size", m.size, 0),
        ("htable-max", m.max, 0),
        ("htable-gcinterval", m.gc_interval, GC_INTERVAL),
        ("htable-expire", m.expire, expire),
        ("srcmask", m.source_prefix.into(), longest),
        ("dstmask", m.destination_prefix.into(), longest),
    ] {
        if value != unsaid {
            put!(out, " --hashlimit-{option} {value}");
        }
    }
    if let Some(interval) = m.interval.filter(|_| m.mode & Hashlimit::RATE_MATCH != 0) {
        out.str(" --hashlimit-rate-match");
        if interval != 1 {
            put!(out, " --hashlimit-rate-interval {interval}");
        }
    }
}

/// Appends ` 512kb/s` and the burst, and says after how many milliseconds an entry would expire unless told
/// otherwise. The rule stores a cost for each 16 bytes, from which the tool guesses the rate. `None` if that is
/// beyond what the tool can compute.
fn bytes(cost: u64, burst: u64, out: &mut Out) -> Option<u32> {
    const UNITS: [(&str, u64); 3] = [("m", 1 << 20), ("k", 1 << 10), ("", 1)];
    const MOST: u64 = u32::MAX as u64;
    let to_cost = |bytes: u64| MOST / (u64::from((bytes >> 4) as u32) + 1);
    let rate = MOST.checked_div(cost).unwrap_or(MOST).checked_sub(1)? << 4;
    let exact = |unit: u64| rate >= unit && to_cost(rate & !(unit - 1)) == cost;
    let (name, unit) = UNITS.into_iter().find(|(_, unit)| exact(*unit)).unwrap_or(("", 1));
    put!(out, " {}{name}b/s", rate / unit);
    if burst == 0 {
        return Some(15_000);
    }
    let burst = rate.wrapping_mul(burst);
    let (name, unit) = UNITS.into_iter().find(|(_, unit)| burst >= *unit).unwrap_or(("", 1));
    put!(out, " --hashlimit-burst {}{name}b", burst / unit);
    Some(60_000)
}
