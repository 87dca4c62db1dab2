//! Native nft rules: `nft -a list ruleset` and `nfblame list --as nft -a`.

use std::fmt::Write as _;

use nfblame_sys::ns::NetNs;

use super::contest::{self, Contestant};
use super::{Plan, bare};
use crate::load;

const RULES: usize = 20_000;
const INTERVALS: usize = 2_000;

pub fn run(plan: &Plan) -> Result<String, String> {
    let (rules, intervals) = (plan.size(RULES), plan.size(INTERVALS));
    let ns = load::namespace()?;
    fill(&ns, rules, intervals)?;
    let table = contest::table(
        &ns,
        plan.rounds,
        &[
            ours(plan),
            Contestant::new("nft -a list ruleset", "nft", &["-a", "list", "ruleset"]),
            bare::contestant(plan, "nft"),
        ],
    )?;
    Ok(format!("## {rules} native nft rules, one set of {intervals} intervals\n\n{table}"))
}

/// What we do.
pub fn ours(plan: &Plan) -> Contestant {
    Contestant::new("nfblame list --as nft -a", &plan.programs.nfblame, &["list", "--as", "nft", "-a"])
}

/// Puts that many rules of several kinds into a namespace.
pub fn fill(ns: &NetNs, rules: usize, intervals: usize) -> Result<(), String> {
    load::run(ns, "nft", &["-f", "-"], &ruleset(rules, intervals))
}

/// Rules as people have them: addresses, ports, sets by name and in place, states, interfaces, limits, comments, logs.
fn ruleset(rules: usize, intervals: usize) -> String {
    let mut text =
        String::from("table inet bench {\n\tset blocked {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = { ");
    for n in 0..intervals {
        let _ = write!(text, "{}10.{}.{}.0/25", if n == 0 { "" } else { ", " }, n / 250, n % 250);
    }
    text.push_str(" }\n\t}\n\tchain input {\n\t\ttype filter hook input priority 0; policy accept;\n");
    text.push_str("\t\tct state established,related accept\n\t\tip saddr @blocked counter drop\n\t}\n");
    for chain in 0..rules.div_ceil(1000) {
        let _ = writeln!(text, "\tchain c{chain} {{");
        for n in chain * 1000..rules.min((chain + 1) * 1000) {
            let (a, b, port) = (n / 250 % 250, n % 250, n % 60_000 + 1);
            let _ = match n % 20 {
                0 => writeln!(text, "\t\ttcp dport {{ 22, 80, 443, {port} }} counter accept"),
                1 | 2 => writeln!(text, "\t\tiifname \"eth{}\" ip saddr 192.168.{a}.0/24 counter drop", n % 8),
                3 | 4 => writeln!(text, "\t\tip6 saddr 2001:db8:{a:x}::{b:x} udp dport {port} counter accept"),
                5 | 6 => writeln!(
                    text,
                    "\t\tct state new tcp dport {port} limit rate 10/second accept comment \"service {n}\""
                ),
                7 => writeln!(text, "\t\tlog prefix \"seen {n}: \" group 5"),
                8 => writeln!(text, "\t\tmeta mark 0x{n:x} ip daddr @blocked counter reject"),
                9 => writeln!(text, "\t\ticmp type echo-request ip saddr 10.{a}.{b}.1 counter accept"),
                10..=12 => writeln!(text, "\t\tip saddr 10.{a}.{b}.7 ip daddr 172.16.{b}.{a} tcp dport {port} accept"),
                _ => writeln!(text, "\t\tip saddr 10.{a}.{b}.1 tcp dport {port} counter drop"),
            };
        }
        text.push_str("\t}\n");
    }
    text.push_str("}\n");
    text
}
