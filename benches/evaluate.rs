//! What it costs to decide about a packet: `cargo bench --bench evaluate` (as root, with nft and iptables).
//!
//! Rulesets of growing size are loaded into namespaces of their own; the packets pass all of their rules, and the policy
//! decides. The same packets are sent through the kernel in the same namespace, with and without the rules, so that what the
//! kernel takes for them is known. Prints Markdown.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nfblame::evaluate::environment::Nowhere;
use nfblame::evaluate::traversal::Begin;
use nfblame::evaluate::{
    Assumptions, ChainRef, Context, Decision, Device, Fact, Hook, Network, Packet, Prepared, TableRef,
};
use nfblame::ruleset::Ruleset;
use nfblame_sys::ns::{NetNs, unshare_net};

const SIZES: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];
/// How long each number is measured.
const SPAN: Duration = Duration::from_millis(300);
/// Where packets go: no rule is about this port.
const PORT: u16 = 65_000;

/// A way to load rules.
struct Kind {
    name: &'static str,
    program: &'static [&'static str],
    text: fn(usize) -> String,
}

const KINDS: &[Kind] = &[
    Kind { name: "nft, one rule after the other", program: &["nft", "-f", "-"], text: linear },
    Kind { name: "nft, one set", program: &["nft", "-f", "-"], text: set },
    Kind { name: "iptables-nft", program: &["iptables-nft-restore"], text: iptables },
    Kind { name: "iptables-legacy", program: &["iptables-legacy-restore"], text: iptables },
];

/// An address that no packet has, and a port.
fn ends(n: usize) -> (String, usize) {
    (format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255), n % 60_000 + 1)
}

/// What people write: addresses, ports, ranges, interfaces, protocols, with comments, counters and limits between.
fn linear(rules: usize) -> String {
    let mut t = "table inet bench {\n chain i {\n type filter hook input priority 0; policy accept;\n".to_owned();
    for n in 0..rules {
        let (address, port) = ends(n);
        let _ = match n % 8 {
            0 => writeln!(t, "ip saddr {address} udp dport {port} counter drop"),
            1 => writeln!(t, "udp dport {port} ip saddr 10.0.0.0/8 drop comment \"rule {n}\""),
            2 => writeln!(t, "iifname \"eth{}\" tcp dport {port} counter accept", n % 7),
            3 => writeln!(t, "ip daddr {address} counter limit rate 5/second drop"),
            4 => writeln!(t, "udp dport {port}-{} ip daddr {address} counter drop", port + 3),
            5 => writeln!(t, "tcp dport {{ {port}, {} }} accept", port + 1),
            6 => writeln!(t, "ip6 saddr 2001:db8::{:x} udp sport {port} counter drop", n & 0xffff),
            _ => writeln!(t, "meta l4proto udp ip saddr {address} counter accept"),
        };
    }
    t + "}\n}\n"
}

fn set(elements: usize) -> String {
    let all: Vec<String> = (0..elements).map(|n| ends(n).0).collect();
    format!(
        "table inet bench {{\n set s {{ type ipv4_addr; elements = {{ {} }}\n }}\n chain i {{\n\
         type filter hook input priority 0; policy accept;\n ip saddr @s drop\n }}\n}}\n",
        all.join(", ")
    )
}

fn iptables(rules: usize) -> String {
    let mut t = "*filter\n:INPUT ACCEPT [0:0]\n".to_owned();
    for n in 0..rules {
        let (address, port) = ends(n);
        let _ = match n % 6 {
            0 => writeln!(t, "-A INPUT -s {address} -p udp -m udp --dport {port} -j DROP"),
            1 => writeln!(t, "-A INPUT -s 10.0.0.0/8 -p udp -m udp --dport {port} -m comment --comment r{n} -j DROP"),
            2 => writeln!(t, "-A INPUT -i eth{} -p tcp -m tcp --dport {port} -j ACCEPT", n % 7),
            3 => writeln!(t, "-A INPUT -d {address} -m limit --limit 5/sec -j DROP"),
            4 => writeln!(t, "-A INPUT -d {address} -p udp -m udp --dport {port}:{} -j DROP", port + 3),
            _ => writeln!(t, "-A INPUT -s {address} -p udp -j ACCEPT"),
        };
    }
    t + "COMMIT\n"
}

fn load(ns: &NetNs, program: &[&str], text: &str) {
    let status = ns.run(|| {
        let mut child = Command::new(program[0]).args(&program[1..]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait().unwrap()
    });
    assert!(status.unwrap().success(), "{program:?}");
}

/// The least time that one of many took, in nanoseconds: what others did meanwhile is not counted.
fn least(many: u32, mut all: impl FnMut()) -> f64 {
    let (start, mut least) = (Instant::now(), Duration::MAX);
    while start.elapsed() < SPAN {
        let begun = Instant::now();
        (0..many).for_each(|_| all());
        least = least.min(begun.elapsed());
    }
    least.as_nanos() as f64 / f64::from(many)
}

/// What a datagram to this host takes.
fn sent(ns: &NetNs) -> f64 {
    ns.run(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = UdpSocket::bind(("127.0.0.1", PORT)).unwrap();
        to.set_nonblocking(true).unwrap();
        least(16, || {
            let _ = socket.send_to(&[0; 32], ("127.0.0.1", PORT));
            let _ = to.recv(&mut [0; 64]);
        })
    })
    .unwrap()
}

fn packet(n: u8) -> Packet {
    let mut bytes = vec![0x45, 0, 0, 60, 0, n, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
    bytes.extend([0x80, n]);
    bytes.extend(PORT.to_be_bytes());
    bytes.extend([0, 40, 0, 0]);
    bytes.resize(60, 0);
    let mut p = Packet::new(Network::Ip4, bytes);
    p.iif = Fact::Is(Device { index: 1, name: Fact::Is("lo".into()) });
    p
}

/// Resident memory in KiB.
fn memory() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<i64>().unwrap() * 4
}

fn main() {
    println!(
        "| rules | number | compiled in ms | memory MB | ns a packet | growth | kernel's ns | growth | kernel / ours |"
    );
    println!(
        "|-------|-------:|---------------:|----------:|------------:|-------:|------------:|-------:|--------------:|"
    );
    for kind in KINDS {
        let mut before: Option<(f64, f64)> = None;
        for size in SIZES {
            let ns = std::thread::spawn(unshare_net).join().unwrap().unwrap();
            let status = ns.run(|| Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap());
            assert!(status.unwrap().success());
            let empty = sent(&ns);
            load(&ns, kind.program, &(kind.text)(size));
            let kernel = sent(&ns) - empty;
            let rules = ns.run(Ruleset::read).unwrap().unwrap();
            let base = match rules.xt.first() {
                Some(t) => ChainRef {
                    table: TableRef::Xt(0),
                    chain: t.chains().position(|c| c.name().as_bytes() == b"INPUT").unwrap(),
                },
                None => ChainRef { table: TableRef::Nft(0), chain: 0 },
            };
            let resident = memory();
            let start = Instant::now();
            let prepared = Prepared::new(&rules);
            let decide = |packet: Packet| {
                let mut assumptions = Assumptions::new();
                let mut cx = Context::new(packet, Hook::Input, &Nowhere, &mut assumptions);
                prepared.base_chain(&mut cx, base, &Begin::Start, &mut |_| {}).decision
            };
            assert_eq!(decide(packet(0)), Decision::Accept, "{} {size}", kind.name);
            let compiled = start.elapsed();
            let taken = memory() - resident;
            let mut n = 0u8;
            let ours = least(64, || {
                n = n.wrapping_add(1);
                black_box(decide(packet(n)));
            });
            let growth =
                |now: f64, then: Option<f64>| then.map_or_else(String::new, |then| format!("{:.1}x", now / then));
            println!(
                "| {} | {size} | {:.1} | {:.1} | {ours:.0} | {} | {kernel:.0} | {} | {:.1} |",
                kind.name,
                compiled.as_secs_f64() * 1e3,
                taken as f64 / 1024.0,
                growth(ours, before.map(|b| b.0)),
                growth(kernel, before.map(|b| b.1)),
                kernel / ours,
            );
            before = Some((ours, kernel));
        }
    }
}
