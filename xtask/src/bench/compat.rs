//! iptables over nf_tables: `iptables-nft-save` and `nfblame list --as iptables-save`.

use nfblame_sys::ns::NetNs;

use super::contest::{self, Contestant};
use super::{Plan, bare, legacy};
use crate::load;

const RULES: usize = 20_000;

pub fn run(plan: &Plan) -> Result<String, String> {
    let rules = plan.size(RULES);
    let ns = load::namespace()?;
    fill(&ns, rules)?;
    let table = contest::table(
        &ns,
        plan.rounds,
        &[ours(plan), Contestant::new("iptables-nft-save", "iptables-nft-save", &[]), bare::contestant(plan, "nft")],
    )?;
    Ok(format!("## {rules} rules of iptables-nft\n\n{table}"))
}

/// What we do.
pub fn ours(plan: &Plan) -> Contestant {
    Contestant::new("nfblame list --as iptables-save", &plan.programs.nfblame, &["list", "--as", "iptables-save"])
}

/// Puts that many rules of several kinds into a namespace.
pub fn fill(ns: &NetNs, rules: usize) -> Result<(), String> {
    load::run(ns, "iptables-nft-restore", &[], &legacy::ruleset(rules))
}
