//! Expressions with a memory of their own: `counter`, `limit`, `quota`, `connlimit`, `last`. They stand in rules, in
//! elements of sets, and as named objects.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::{Context, Fact};
use crate::sys::nft::expr::{Connlimit, ConnlimitFlags, Expr, Limit, LimitFlags, LimitKind, Quota, QuotaFlags};

/// One after the other, until one does not go on.
pub fn all(cx: &mut Context<'_>, m: &mut Machine<'_>, exprs: &[Expr]) -> Step {
    for e in exprs {
        match super::eval(cx, m, e) {
            Step::Go => {}
            other => return other,
        }
    }
    Step::Go
}

/// `nft_limit_pkts_eval`, `nft_limit_bytes_eval`. How much of the rate is used up cannot be read from the kernel.
pub fn limit(cx: &mut Context<'_>, e: &Limit) -> Step {
    let over = e.flags.contains(LimitFlags::INV);
    let within = cx.ask(format!("whether the rate was below {}", rate(e)), b"", true);
    if within == over {
        cx.miss(if over { "limit rate over" } else { "limit rate" }, || (Some(rate(e)), None));
    }
    Step::when(within != over)
}

fn rate(e: &Limit) -> String {
    let unit = match e.unit {
        1 => "second".into(),
        60 => "minute".into(),
        3600 => "hour".into(),
        86_400 => "day".into(),
        604_800 => "week".into(),
        n => format!("{n} seconds"),
    };
    let bytes = if e.kind == LimitKind::Bytes { " bytes" } else { "" };
    format!("{}{bytes}/{unit}", e.rate)
}

/// `nft_quota_eval`. What was used up is what it was when the ruleset was read; it only grows.
pub fn quota(cx: &mut Context<'_>, e: &Quota) -> Step {
    let inverted = e.flags.contains(QuotaFlags::INV);
    let length = cx.packet.length as u64;
    let over = match cx.env.since_ruleset() {
        Fact::Is(0) => e.consumed.saturating_add(length) > e.bytes,
        Fact::Is(later) if later > 0 && e.consumed > e.bytes => true,
        Fact::Is(later) if later < 0 && e.consumed.saturating_add(length) <= e.bytes => false,
        _ => cx.ask(format!("how much of a quota of {} bytes was used up", e.bytes), b"", e.consumed > e.bytes),
    };
    if over != inverted {
        let wanted = format!("{}{} bytes", if inverted { "over " } else { "" }, e.bytes);
        cx.miss("quota", || (Some(wanted), Some(format!("{} bytes used up", e.consumed))));
    }
    Step::when(over == inverted)
}

/// `nft_connlimit_eval`
pub fn connlimit(cx: &mut Context<'_>, e: &Connlimit) -> Step {
    let over = e.flags.contains(ConnlimitFlags::INV);
    let more = cx.ask(format!("whether there were more than {} connections", e.count), b"", over);
    if more != over {
        cx.miss(if over { "ct count over" } else { "ct count" }, || (Some(e.count.to_string()), None));
    }
    Step::when(more == over)
}
