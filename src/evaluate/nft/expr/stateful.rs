//! Expressions with a memory of their own: `counter`, `limit`, `quota`, `connlimit`, `last`. They stand in rules, in
//! elements of sets, and as named objects.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::{Context, Decision, Fact, nat};
use crate::sys::nft::expr::{Connlimit, ConnlimitFlags, Expr, Limit, LimitFlags, LimitKind, Quota, QuotaFlags};

/// Whose expressions they are, which says how much of a quota was used up before this packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A rule's, or an element's that was read: as much as was read.
    Known,
    /// An element's that this packet adds: as much as the rule says.
    Added,
    /// It is not known which element's.
    Some,
}

/// One after the other, until one does not go on.
pub fn all(cx: &mut Context<'_>, m: &mut Machine<'_>, exprs: &[Expr], of: Of) -> Step {
    for e in exprs {
        let step = match (e, of) {
            (Expr::Quota(e), Of::Added) => {
                let length = super::meta::length(cx).known().map(u64::from);
                quota_after(cx, e, Some(0), length)
            }
            (Expr::Quota(e), Of::Some) => Step::when(cx.ask(used_up(e), b"", true)),
            (e, _) => super::eval(cx, m, e),
        };
        if step != Step::Go {
            return step;
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

/// `nft_quota_eval`. What was used up is what it was when the ruleset was read, and what this packet took itself when it
/// came by before.
pub fn quota(cx: &mut Context<'_>, e: &Quota) -> Step {
    let length = super::meta::length(cx).known().map(u64::from);
    let before = cx.nft.take(e, length);
    quota_after(cx, e, before, length)
}

fn quota_after(cx: &mut Context<'_>, e: &Quota, before: Option<u64>, length: Option<u64>) -> Step {
    let inverted = e.flags.contains(QuotaFlags::INV);
    let after = before.zip(length).map(|(b, l)| e.consumed.saturating_add(b).saturating_add(l));
    // It only grows.
    let over = match (cx.env.since_ruleset(), after) {
        (Fact::Is(0), Some(after)) => after > e.bytes,
        (Fact::Is(later), _) if later > 0 && e.consumed > e.bytes => true,
        (Fact::Is(later), Some(after)) if later < 0 && after <= e.bytes => false,
        _ => cx.ask(used_up(e), b"", e.consumed > e.bytes),
    };
    if over != inverted {
        let wanted = format!("{}{} bytes", if inverted { "over " } else { "" }, e.bytes);
        let used = e.consumed.saturating_add(before.unwrap_or(0));
        cx.miss("quota", || (Some(wanted), Some(format!("{used} bytes used up"))));
    }
    Step::when(over == inverted)
}

fn used_up(e: &Quota) -> String {
    format!("how much of a quota of {} bytes was used up", e.bytes)
}

/// `nft_connlimit_eval`
pub fn connlimit(cx: &mut Context<'_>, e: &Connlimit) -> Step {
    if nat::is_uncountable(&cx.packet) {
        return Step::Verdict(Decision::Drop);
    }
    let over = e.flags.contains(ConnlimitFlags::INV);
    let more = cx.ask(format!("whether there were more than {} connections", e.count), b"", over);
    if more != over {
        cx.miss(if over { "ct count over" } else { "ct count" }, || (Some(e.count.to_string()), None));
    }
    Step::when(more == over)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::ruleset::nft::Table;
    use crate::sys::nft::Family;

    fn runs(since: Option<i64>, e: &Expr) -> Vec<Step> {
        let host = Host { since, ..Host::default() };
        let table: Table = table(Family::Ip);
        every(&ip4(17, &[0; 80]), &host, &table, |cx, m| all(cx, m, std::slice::from_ref(e), Of::Known))
            .into_iter()
            .map(|r| r.0)
            .collect()
    }

    #[test]
    fn limits_and_connection_counts_are_open_both_ways() {
        for (over, first) in [(LimitFlags::empty(), Step::Go), (LimitFlags::INV, Step::Break)] {
            let e = Expr::Limit(Limit { rate: 1, unit: 60, burst: 5, kind: LimitKind::Packets, flags: over });
            let r = runs(None, &e);
            assert_eq!((r.len(), &r[0]), (2, &first));
        }
        assert_eq!(runs(Some(0), &Expr::Connlimit(Connlimit { count: 3, flags: ConnlimitFlags::empty() })).len(), 2);
    }

    #[test]
    fn a_quota_that_is_used_up_stays_so_and_one_that_is_not_was_not_before() {
        let quota = |consumed, flags| Expr::Quota(Quota { bytes: 1000, consumed, flags });
        assert_eq!(runs(Some(0), &quota(900, QuotaFlags::empty())), [Step::Go]);
        assert_eq!(runs(Some(0), &quota(901, QuotaFlags::empty())), [Step::Break], "with these 100 bytes");
        assert_eq!(runs(Some(50), &quota(1001, QuotaFlags::INV)), [Step::Go]);
        assert_eq!(runs(Some(50), &quota(10, QuotaFlags::INV)).len(), 2);
        assert_eq!(runs(Some(-50), &quota(10, QuotaFlags::INV)), [Step::Break]);
        assert_eq!(runs(None, &quota(10, QuotaFlags::INV)).len(), 2);
    }
}
