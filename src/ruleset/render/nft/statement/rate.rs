//! Rates and amounts: `limit` and `quota`, in rules and objects.

use nfblame_sys::nft::expr::{Limit, LimitFlags, LimitKind, Quota, QuotaFlags};

use crate::ruleset::render::out::{Out, put};

/// A number of bytes in the largest unit that it is a multiple of.
pub fn data_rate(bytes: u64) -> (u64, &'static str) {
    let (mut amount, mut unit) = (bytes, "bytes");
    for larger in ["kbytes", "mbytes"] {
        if amount == 0 || amount % 1024 != 0 {
            break;
        }
        amount /= 1024;
        unit = larger;
    }
    (amount, unit)
}

fn time_unit(seconds: u64) -> &'static str {
    match seconds {
        1 => "second",
        60 => "minute",
        3600 => "hour",
        86_400 => "day",
        604_800 => "week",
        _ => "error",
    }
}

/// Writes `rate over 10/second burst 7 packets`.
pub fn limit_rate(limit: &Limit, out: &mut Out) {
    /// What nft leaves out.
    const DEFAULT_BURST: u32 = 5;
    let over = if limit.flags.contains(LimitFlags::INV) { "over " } else { "" };
    let per = time_unit(limit.unit);
    match limit.kind {
        LimitKind::Packets => {
            put!(out, "rate {over}{}/{per}", limit.rate);
            if limit.burst != 0 && limit.burst != DEFAULT_BURST {
                put!(out, " burst {} packets", limit.burst);
            }
        }
        LimitKind::Bytes => {
            let (amount, unit) = data_rate(limit.rate);
            put!(out, "rate {over}{amount} {unit}/{per}");
            if limit.burst != 0 {
                let (amount, unit) = data_rate(limit.burst.into());
                put!(out, " burst {amount} {unit}");
            }
        }
        LimitKind::Unknown(n) => put!(out, "[unknown kind of limit {n}]"),
    }
}

/// Writes `over 10 mbytes used 3 kbytes`.
pub fn quota(quota: &Quota, stateless: bool, out: &mut Out) {
    let over = if quota.flags.contains(QuotaFlags::INV) { "over " } else { "" };
    let (amount, unit) = data_rate(quota.bytes);
    put!(out, "{over}{amount} {unit}");
    if !stateless && quota.consumed != 0 {
        let (amount, unit) = data_rate(quota.consumed);
        put!(out, " used {amount} {unit}");
    }
}
