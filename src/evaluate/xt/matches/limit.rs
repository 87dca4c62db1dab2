//! Matches whose answer depends on a count that the kernel keeps: `limit`, `connlimit`, `quota`,
//! `statistic`, `rateest`, `nfacct`. What they say is an open question, unless the rule leaves no choice.

use super::Checked;
use crate::evaluate::context::Context;
use crate::evaluate::nat;
use crate::evaluate::xt::Outcome;
use crate::sys::xt::matches::{Connlimit, Limit, Nfacct, Quota, Rateest, Statistic};

pub(super) fn limit(cx: &mut Context, m: &Limit) -> Checked {
    let met = cx.ask("whether the rate of limit is used up", &[], true);
    if !met {
        cx.miss("--limit", || {
            let per_day = if m.average == 0 { 0 } else { 864_000_000 / u64::from(m.average) };
            (Some(format!("at most {per_day} a day")), Some("more".into()))
        });
    }
    Ok(met)
}

pub(super) fn connlimit(cx: &mut Context, m: &Connlimit) -> Checked {
    let inverted = m.flags & Connlimit::INVERT != 0;
    if nat::is_uncountable(&cx.packet) {
        return Err(Outcome::HotDrop);
    }
    // The packet's own connection counts.
    if m.limit == 0 {
        return Ok(!inverted);
    }
    let above = cx.ask(format!("whether there are more than {} connections", m.limit), &[], false);
    if above == inverted {
        cx.miss(if inverted { "--connlimit-upto" } else { "--connlimit-above" }, || (Some(m.limit.to_string()), None));
    }
    Ok(above != inverted)
}

pub(super) fn quota(cx: &mut Context, m: &Quota) -> Checked {
    let inverted = m.flags & Quota::INVERT != 0;
    let left = cx.packet.length as u64 <= m.quota && cx.ask("whether the quota is used up", &[], true);
    if left == inverted {
        cx.miss("--quota", || (Some(m.quota.to_string()), None));
    }
    Ok(left != inverted)
}

pub(super) fn statistic(cx: &mut Context, m: &Statistic) -> Checked {
    /// `probability` is a number of 31 bits.
    const CERTAIN: u32 = 1 << 31;
    let inverted = m.flags & Statistic::INVERT != 0;
    let chosen = match m.mode {
        Statistic::RANDOM if m.value == 0 => false,
        Statistic::RANDOM if m.value >= CERTAIN => true,
        Statistic::RANDOM => cx.ask("chance", &[], m.value > CERTAIN / 2),
        // Every packet.
        Statistic::NTH if m.value == 0 && m.packet == 0 => true,
        Statistic::NTH => cx.ask("turn of statistic", &[], false),
        _ => false,
    };
    if chosen == inverted {
        cx.miss("-m statistic", || (None, None));
    }
    Ok(chosen != inverted)
}

pub(super) fn rateest(cx: &mut Context, m: &Rateest<'_>) -> Checked {
    Ok(cx.ask(format!("rate of estimator {}", m.first), &[], false))
}

pub(super) fn nfacct(cx: &mut Context, m: &Nfacct<'_>) -> Checked {
    Ok(cx.ask(format!("quota of counter {}", m.name), format!("nfacct {}", m.name).as_bytes(), true))
}
