//! What is wrong with a big host: `nfblame check`. No other tool does this.

use std::fmt::Write as _;

use nfblame_sys::ns::NetNs;

use super::contest::{Contestant, mb, ms, outcomes};
use super::table::Table;
use super::{Plan, legacy, nft};
use crate::load;

/// One kind of host.
struct Kind {
    name: &'static str,
    size: usize,
    fill: fn(&NetNs, usize) -> Result<(), String>,
}

const KINDS: &[Kind] = &[
    Kind { name: "legacy rules in one chain", size: 10_000, fill: |ns, n| restore(ns, &flat(n)) },
    Kind { name: "services of kube-proxy (legacy)", size: 10_000, fill: |ns, n| restore(ns, &services(n)) },
    Kind { name: "legacy rules", size: 100_000, fill: legacy::fill },
    Kind { name: "native nft rules", size: 100_000, fill: |ns, n| nft::fill(ns, n, n / 10) },
];

pub fn run(plan: &Plan) -> Result<String, String> {
    let mut table = Table::new(&["", "number", "wall ms", "CPU ms", "CPU µs each", "peak MB"]);
    for kind in KINDS {
        let size = plan.size(kind.size);
        let ns = load::namespace()?;
        (kind.fill)(&ns, size)?;
        // That there are findings is no failure.
        let program = plan.programs.nfblame.to_string_lossy();
        let check = ["-c", "\"$0\" check -j || [ $? -eq 1 ]", &*program];
        for o in outcomes(&ns, plan.rounds, &[Contestant::new("nfblame check", "sh", &check)])? {
            let each = o.cpu.as_secs_f64() * 1e6 / size as f64;
            table.row([kind.name.into(), size.to_string(), ms(o.wall), ms(o.cpu), format!("{each:.2}"), mb(o.peak)]);
        }
    }
    Ok(format!("## nfblame check\n\n{table}"))
}

fn restore(ns: &NetNs, rules: &str) -> Result<(), String> {
    load::run(ns, "iptables-legacy-restore", &[], rules)
}

/// Networks of four sizes and ports, accepted and dropped by turns, all in INPUT: whether one hides another has to be found out.
fn flat(rules: usize) -> String {
    let mut text = String::from("*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n");
    text.push_str("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -i lo -j ACCEPT\n");
    for n in 0..rules {
        // Spread over addresses and ports without order, and the same each time.
        let mixed = n.wrapping_mul(2_654_435_761) >> 8;
        let (a, b) = (mixed % 256, mixed / 256 % 256);
        let (bits, port) = ([16, 20, 24, 28][n % 4], [22, 80, 443, 8080, mixed % 60_000 + 1][n % 5]);
        let verdict = if n % 3 == 0 { "DROP" } else { "ACCEPT" };
        let _ = writeln!(text, "-A INPUT -s 10.{a}.{b}.0/{bits} -p tcp -m tcp --dport {port} -j {verdict}");
    }
    text.push_str("COMMIT\n");
    text
}

/// What kube-proxy writes for so many services with two endpoints each.
fn services(services: usize) -> String {
    let mut text = String::from(
        "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n\
         :KUBE-SERVICES - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n:KUBE-POSTROUTING - [0:0]\n",
    );
    for n in 0..services {
        let _ = writeln!(text, ":KUBE-SVC-{n:016} - [0:0]\n:KUBE-SEP-{n:015}A - [0:0]\n:KUBE-SEP-{n:015}B - [0:0]");
    }
    text.push_str(
        "-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
         -A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
         -A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING\n\
         -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n\
         -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n-A KUBE-POSTROUTING -j MASQUERADE\n",
    );
    for n in 0..services {
        let address = format!("10.{}.{}.{}", 96 + n / 65_536, n / 256 % 256, n % 256);
        let service = format!("KUBE-SVC-{n:016}");
        let _ = writeln!(
            text,
            "-A KUBE-SERVICES -d {address}/32 -p tcp -m comment --comment \"ns/svc{n}:http cluster IP\" -m tcp --dport 80 -j {service}\n\
             -A {service} ! -s 10.244.0.0/16 -d {address}/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ\n\
             -A {service} -m statistic --mode random --probability 0.5 -j KUBE-SEP-{n:015}A\n\
             -A {service} -j KUBE-SEP-{n:015}B"
        );
        for (side, last) in [('A', 1), ('B', 2)] {
            let (end, chain) = (format!("10.244.{}.{last}", n % 250), format!("KUBE-SEP-{n:015}{side}"));
            let _ = writeln!(
                text,
                "-A {chain} -s {end}/32 -j KUBE-MARK-MASQ\n\
                 -A {chain} -p tcp -m tcp -j DNAT --to-destination {end}:8080"
            );
        }
    }
    text.push_str("COMMIT\n");
    text
}
