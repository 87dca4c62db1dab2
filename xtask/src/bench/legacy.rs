//! Legacy tables: `iptables-legacy-save` and `nfblame list --as iptables-save`.

use std::fmt::Write as _;

use nfblame_sys::ns::NetNs;

use super::Plan;
use super::contest::{self, Contestant};
use crate::load;

const RULES: usize = 100_000;

pub fn run(plan: &Plan) -> Result<String, String> {
    let rules = plan.size(RULES);
    let ns = load::namespace()?;
    fill(&ns, rules)?;
    let table = contest::table(
        &ns,
        plan.rounds,
        &[ours(plan), Contestant::new("iptables-legacy-save", "iptables-legacy-save", &[])],
    )?;
    Ok(format!("## {rules} legacy rules\n\n{table}"))
}

/// What we do.
pub fn ours(plan: &Plan) -> Contestant {
    let args = ["list", "--as", "iptables-save", "--backend", "legacy"];
    Contestant::new("nfblame list --as iptables-save --backend legacy", &plan.programs.nfblame, &args)
}

/// Puts that many rules of several kinds into a namespace.
pub fn fill(ns: &NetNs, rules: usize) -> Result<(), String> {
    load::run(ns, "iptables-legacy-restore", &[], &ruleset(rules))
}

/// Rules as people have them, in user chains of a thousand each.
pub fn ruleset(rules: usize) -> String {
    let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n");
    let chains = rules.div_ceil(1000);
    for chain in 0..chains {
        let _ = writeln!(text, ":SVC{chain} - [0:0]");
    }
    for n in 0..rules {
        let (chain, a, b, port) = (n / 1000, n / 250 % 250, n % 250, n % 60_000 + 1);
        let _ = match n % 10 {
            0 => writeln!(text, "-A SVC{chain} -p tcp -m multiport --dports 22,80,443,{port} -j ACCEPT"),
            1 => writeln!(text, "-A SVC{chain} -i eth{} -s 192.168.{a}.0/24 -j DROP", n % 8),
            2 => writeln!(text, "-A SVC{chain} -m conntrack --ctstate NEW -p udp -m udp --dport {port} -j ACCEPT"),
            3 => writeln!(text, "-A SVC{chain} -s 10.{a}.{b}.0/24 -m comment --comment \"service {n}\" -j RETURN"),
            4 => writeln!(text, "-A SVC{chain} -p tcp -m tcp --dport {port} -m limit --limit 10/sec -j ACCEPT"),
            5 => writeln!(text, "-A SVC{chain} -s 10.{a}.{b}.9/32 -j REJECT --reject-with icmp-port-unreachable"),
            _ => writeln!(text, "-A SVC{chain} -s 10.{a}.{b}.1/32 -p tcp -m tcp --dport {port} -j DROP"),
        };
    }
    text.push_str("COMMIT\n");
    text
}
