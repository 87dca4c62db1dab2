//! `match` and `target`: what iptables-nft and its kin leave to xtables (nft_compat).

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::xt::{self, Outcome};
use crate::evaluate::{Context, Decision};
use crate::sys::nft::expr::XtBlob;
use crate::sys::xt::{Family, Match, Target, matches, targets};

/// The family that decides what a payload means.
fn family(m: &Machine<'_>) -> Option<Family> {
    Family::from_nfproto(m.table_family().code()).or_else(|| Family::from_nfproto(m.info.family.code()))
}

/// `nft_match_eval`
pub fn check(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &XtBlob) -> Step {
    let family = family(m);
    // ebtables has matches of its own, also by names that iptables has.
    if family == Some(Family::Bridge)
        && let Some(outcome) = xt::matches::bridge::matches(cx, e.name.as_bytes(), &e.data)
    {
        return step(outcome);
    }
    let found = family.map(|f| (f, matches::decode(f, e.name.as_bytes(), e.revision, &e.data)));
    match found {
        None | Some((_, Match::Unknown { .. })) => super::unknown::named(cx, m, &format!("match {}", e.name)),
        Some((family, found)) => step(xt::matches::matches(cx, family, &found)),
    }
}

fn step(outcome: Outcome) -> Step {
    match outcome {
        Outcome::Yes => Step::Go,
        Outcome::No => Step::Break,
        Outcome::HotDrop => Step::Verdict(Decision::Drop),
    }
}

/// `nft_target_eval_xt`, `nft_target_eval_bridge`
pub fn target(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &XtBlob) -> Step {
    let found = family(m).map(|f| (f, targets::decode(f, e.name.as_bytes(), e.revision, &e.data)));
    match found {
        None | Some((_, Target::Unknown { .. })) => super::unknown::named(cx, m, &format!("target {}", e.name)),
        Some((family, found)) => match xt::targets::apply(cx, family, &found) {
            // `XT_CONTINUE`
            Decision::Next => Step::Go,
            decision => Step::Verdict(decision),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Family as Table;

    #[test]
    fn matches_and_targets_of_xtables_are_run_and_unknown_ones_are_questions() {
        let blob = |name: &str, data: &[u8]| XtBlob { name: name.into(), revision: 0, data: data.into() };
        let tcp = || ip4(6, &testing::tcp(1000, 80, 2, &[]));
        // `struct xt_tcp`: any source port, destination 80
        let dport = blob("tcp", &[0, 0, 0xff, 0xff, 80, 0, 80, 0, 0, 0, 0, 0]);
        let t = table(Table::Ip);
        let run = |e: &XtBlob| every(&tcp(), &Host::default(), &t, |cx, m| check(cx, m, e));
        assert_eq!(run(&dport)[0].0, Step::Go);
        assert_eq!(run(&blob("tcp", &[0, 0, 0xff, 0xff, 81, 0, 81, 0, 0, 0, 0, 0]))[0].0, Step::Break);
        let unknown = every(&tcp(), &Host::default(), &t, |cx, m| check(cx, m, &blob("future", &[1])));
        assert!(unknown.len() > 1 && unknown[0].1[0].contains("match future"));
    }
}
