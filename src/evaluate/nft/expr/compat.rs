//! `match` and `target`: what iptables-nft and its kin leave to xtables (nft_compat).

use crate::evaluate::Context;
use crate::evaluate::nft::machine::{Machine, Step};
use crate::sys::nft::expr::XtBlob;

/// `nft_match_eval`
pub fn matches(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &XtBlob) -> Step {
    super::unknown::named(cx, m, &format!("match {}", e.name))
}

/// `nft_target_eval_xt`, `nft_target_eval_bridge`
pub fn target(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &XtBlob) -> Step {
    super::unknown::named(cx, m, &format!("target {}", e.name))
}
