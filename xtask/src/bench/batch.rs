//! `nfblame explain --batch`: many questions to long rulesets.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Plan;
use super::contest::{Contestant, mb, ms, outcomes};
use super::table::Table;
use crate::load;

const RULES: usize = 10_000;
const QUESTIONS: usize = 20_000;

/// A way to load rules: the program and its input.
struct Kind {
    name: &'static str,
    program: &'static [&'static str],
    text: fn(usize) -> String,
}

const KINDS: &[Kind] = &[
    Kind { name: "no rules", program: &["nft", "-f", "-"], text: |_| String::new() },
    Kind { name: "nft", program: &["nft", "-f", "-"], text: native },
    Kind { name: "iptables-nft", program: &["iptables-nft-restore"], text: iptables },
    Kind { name: "iptables-legacy", program: &["iptables-legacy-restore"], text: iptables },
];

pub fn run(plan: &Plan) -> Result<String, String> {
    let questions = std::env::temp_dir().join(format!("nfblame-batch-{}", std::process::id()));
    let written = fs::write(&questions, self::questions(plan.size(QUESTIONS)));
    let done = written.map_err(|e| e.to_string()).and_then(|()| measured(plan, &questions));
    let _ = fs::remove_file(&questions);
    done
}

fn measured(plan: &Plan, questions: &Path) -> Result<String, String> {
    let (rules, count) = (plan.size(RULES), plan.size(QUESTIONS));
    let mut table = Table::new(&["", "rules", "wall ms", "CPU ms", "CPU µs each", "packets/s", "peak MB"]);
    // 1: some packets do not pass.
    let script = "\"$0\" explain --batch < \"$1\" || test $? = 1";
    let file = questions.to_string_lossy();
    for kind in KINDS {
        let ns = load::namespace()?;
        load::run(&ns, "ip", &["link", "set", "lo", "up"], "")?;
        let (program, args) = kind.program.split_first().ok_or("no program")?;
        load::run(&ns, program, args, &(kind.text)(rules))?;
        let ours = Contestant::new(kind.name, "sh", &["-c", script, &plan.programs.nfblame.to_string_lossy(), &file]);
        for o in outcomes(&ns, plan.rounds, &[ours])? {
            table.row([
                kind.name.into(),
                if kind.name == "no rules" { 0 } else { rules }.to_string(),
                ms(o.wall),
                ms(o.cpu),
                format!("{:.1}", o.cpu.as_secs_f64() * 1e6 / count as f64),
                format!("{:.0}", count as f64 / o.wall.as_secs_f64()),
                mb(o.peak),
            ]);
        }
    }
    Ok(format!(
        "## {count} questions to `explain --batch`\n\n{table}\n\
         Each about another packet, which passes all rules of one chain. Reading the rulesets, again now and then, is part \
         of it, and so are the kernel's own answers about routes and sockets.\n"
    ))
}

fn native(rules: usize) -> String {
    let mut text = String::from("table inet bench {\n chain i {\n type filter hook input priority 0; policy accept;\n");
    for n in 0..rules {
        let (a, b, port) = (n >> 8 & 255, n & 255, n % 60_000 + 1);
        let _ = match n % 3 {
            0 => writeln!(text, "ip saddr 10.1.{a}.{b} udp dport {port} counter drop"),
            1 => writeln!(text, "udp dport {port}-{} ip saddr 10.0.0.0/8 counter drop", port + 3),
            _ => writeln!(text, "iifname \"eth{}\" ip daddr 10.2.{a}.{b} counter accept", n % 7),
        };
    }
    text + "}\n}\n"
}

fn iptables(rules: usize) -> String {
    let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n");
    for n in 0..rules {
        let (a, b, port) = (n >> 8 & 255, n & 255, n % 60_000 + 1);
        let _ = match n % 3 {
            0 => writeln!(text, "-A INPUT -s 10.1.{a}.{b} -p udp -m udp --dport {port} -j DROP"),
            1 => writeln!(text, "-A INPUT -s 10.0.0.0/8 -p udp -m udp --dport {port}:{} -j DROP", port + 3),
            _ => writeln!(text, "-A INPUT -i eth{} -d 10.2.{a}.{b} -j ACCEPT", n % 7),
        };
    }
    text + "COMMIT\n"
}

/// Datagrams over loopback, each from another port, that nobody waits for.
fn questions(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let port = 1024 + n % 60_000;
        let _ = writeln!(
            text,
            "{{\"id\":{n},\"hook\":\"prerouting\",\"iif\":\"lo\",\"packet\":\"4500001c00000000401100007f0000017f000001\
             {port:04x}fde800080000\"}}"
        );
    }
    text
}
