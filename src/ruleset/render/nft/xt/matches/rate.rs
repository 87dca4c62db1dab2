//! Rates, amounts and chances.

use nfblame_sys::xt::Family;
use nfblame_sys::xt::matches::{Hashlimit, Limit, Quota, Statistic};

use super::{Context, Words, add};
use crate::ruleset::render::nft::xt::words::not;

/// Units of time in seconds, the longest first.
const UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];

/// How often in which unit something happens that costs `period`, where a second is worth `scale`: the shortest unit
/// that does not lose too much.
fn rate(period: u64, scale: u64) -> Option<(u64, &'static str)> {
    let mut best = None;
    for (i, (name, seconds)) in UNITS.into_iter().enumerate() {
        let worth = seconds.checked_mul(scale)?;
        let (times, rest) = (worth.checked_div(period)?, worth % period);
        if i != 0 && (period > worth || times < rest) {
            break;
        }
        best = Some((times, name));
    }
    best
}

pub(super) fn limit(m: &Limit, w: &mut Words<'_>) -> bool {
    const SCALE: u64 = 10_000;
    add!(w, "limit rate");
    match rate(m.average.into(), SCALE) {
        Some((times, unit)) => add!(w, " {times}/{unit}"),
        None => add!(w, " inf"),
    }
    if m.burst != 0 {
        add!(w, " burst {} packets", m.burst);
    }
    true
}

pub(super) fn quota(m: &Quota, w: &mut Words<'_>) -> bool {
    let over = if m.flags & Quota::INVERT != 0 { "over " } else { "" };
    add!(w, "quota {over}{} bytes", m.quota);
    true
}

pub(super) fn statistic(m: &Statistic, w: &mut Words<'_>) -> bool {
    let inverted = m.flags & Statistic::INVERT != 0;
    match m.mode {
        Statistic::RANDOM => {
            add!(w, "meta random & {} {} {}", i32::MAX, if inverted { ">=" } else { "<" }, m.value);
        }
        Statistic::NTH => add!(w, "numgen inc mod {} {}{}", m.value.wrapping_add(1), not(inverted), m.packet),
        _ => return false,
    }
    true
}

pub(super) fn hashlimit(m: &Hashlimit<'_>, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    const DEFAULT_EXPIRE: u32 = 1000;
    const DEFAULT_BURST: u64 = 5;
    let known = Hashlimit::INVERT
        | Hashlimit::BYTES
        | Hashlimit::PER_DESTINATION
        | Hashlimit::PER_DESTINATION_PORT
        | Hashlimit::PER_SOURCE
        | Hashlimit::PER_SOURCE_PORT;
    if !matches!(cx.family, Family::Ip | Family::Ip6) || m.mode & !known != 0 {
        return false;
    }
    add!(w, "meter ");
    w.bytes(m.name.as_bytes());
    add!(w, " {{");
    let translated = key(m, cx, w);
    if m.expire != DEFAULT_EXPIRE {
        add!(w, " timeout {}s", m.expire / 1000);
    }
    add!(w, " limit rate");
    if m.mode & Hashlimit::INVERT != 0 {
        add!(w, " over");
    }
    if m.mode & Hashlimit::BYTES != 0 {
        byte_rate(m, w);
    } else {
        let Some((times, unit)) = rate(m.average, m.scale) else { return false };
        add!(w, " {times}/{unit} ");
        if m.burst != DEFAULT_BURST {
            add!(w, "burst {} packets", m.burst);
        }
    }
    add!(w, "}}");
    translated
}

fn key(m: &Hashlimit<'_>, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    let ip = cx.ip();
    let width = if cx.family == Family::Ip { 32 } else { 128 };
    let mut delim = " ";
    for (flag, header, field, prefix) in [
        (Hashlimit::PER_DESTINATION, ip, "daddr", Some(m.destination_prefix)),
        (Hashlimit::PER_DESTINATION_PORT, "tcp", "dport", None),
        (Hashlimit::PER_SOURCE, ip, "saddr", Some(m.source_prefix)),
        (Hashlimit::PER_SOURCE_PORT, "tcp", "sport", None),
    ] {
        if m.mode & flag == 0 {
            continue;
        }
        add!(w, "{delim}");
        delim = " . ";
        add!(w, "{header} {field}");
        if let Some(prefix) = prefix.filter(|p| *p != width) {
            subnet(prefix, cx.family, w);
        }
    }
    delim != " "
}

/// The mask of a prefix, every block in full.
fn subnet(prefix: u8, family: Family, w: &mut Words<'_>) {
    let ones = |bits: u32| u128::MAX.checked_shl(bits.saturating_sub(prefix.into())).unwrap_or(0);
    add!(w, " and ");
    match family {
        Family::Ip => w.join(format_args!("{}", std::net::Ipv4Addr::from_bits(ones(32) as u32))),
        _ => {
            let mask = ones(128);
            for block in (0..8).rev() {
                w.join(format_args!("{:04x}{}", (mask >> (16 * block)) as u16, if block == 0 { "" } else { ":" }));
            }
        }
    }
}

fn byte_rate(m: &Hashlimit<'_>, w: &mut Words<'_>) {
    /// `XT_HASHLIMIT_BYTE_SHIFT`
    const SHIFT: u32 = 4;
    const SIZES: [(&str, u64); 3] = [("m", 1 << 20), ("k", 1 << 10), ("", 1)];
    const MOST: u64 = u32::MAX as u64;
    let bytes = MOST.checked_div(m.average).unwrap_or(MOST).wrapping_sub(1) << SHIFT;
    let cost = |bytes: u64| MOST / (u64::from((bytes >> SHIFT) as u32) + 1);
    let exact = |(_, size): &&(&str, u64)| bytes >= *size && cost(bytes & !(size - 1)) == m.average;
    let (name, size) = SIZES.iter().take(2).find(exact).unwrap_or(&SIZES[2]);
    add!(w, " {} {name}bytes/second", bytes / size);
    let burst = bytes.wrapping_mul(m.burst);
    let (name, size) = SIZES.iter().take(2).find(|(_, size)| burst >= *size).unwrap_or(&SIZES[2]);
    if m.burst > 0 {
        add!(w, " burst {} {name}bytes", burst / size);
    }
}
