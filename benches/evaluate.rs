//! What it costs to decide about a packet: `cargo bench --bench evaluate` (as root, with nft and iptables).
//!
//! Rulesets of growing size are loaded into namespaces of their own. Packets pass all of their rules, and the policy decides;
//! the same packets are sent through the kernel in the same namespace, with and without the rules, so that what the kernel
//! takes for them is known. Other packets are decided by a rule, each by another. Prints Markdown.
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
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOC: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

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

/// A packet that no rule is about.
fn stranger(n: u8) -> Packet {
    packet(n, [127, 0, 0, 1], PORT)
}

/// The address and the port that a rule is about.
fn numbers(n: usize) -> ([u8; 4], usize) {
    ([10, (n >> 16) as u8, (n >> 8) as u8, n as u8], n % 60_000 + 1)
}

fn ends(n: usize) -> (String, usize) {
    let ([a, b, c, d], port) = numbers(n);
    (format!("{a}.{b}.{c}.{d}"), port)
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

/// What a datagram to this host takes. Those that pass many rules are timed one by one: longer times are cut by the scheduler.
fn sent(ns: &NetNs, rules: usize) -> f64 {
    ns.run(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = UdpSocket::bind(("127.0.0.1", PORT)).unwrap();
        to.set_nonblocking(true).unwrap();
        least(if rules < 10_000 { 16 } else { 1 }, || {
            let _ = socket.send_to(&[0; 32], ("127.0.0.1", PORT));
            let _ = to.recv(&mut [0; 64]);
        })
    })
    .unwrap()
}

/// A datagram to this host from that address to that port.
fn packet(n: u8, source: [u8; 4], port: u16) -> Packet {
    let [a, b, c, d] = source;
    let mut bytes = vec![0x45, 0, 0, 60, 0, n, 0, 0, 64, 17, 0, 0, a, b, c, d, 127, 0, 0, 1];
    bytes.extend([0x80, n]);
    bytes.extend(port.to_be_bytes());
    bytes.extend([0, 40, 0, 0]);
    bytes.resize(60, 0);
    let mut p = Packet::new(Network::Ip4, bytes);
    p.iif = Fact::Is(Device { index: 1, name: Fact::Is("lo".into()) });
    p
}

/// The memory in MB that what has been made since then holds.
fn held(since: &Region<'_, std::alloc::System>) -> f64 {
    let change = since.change();
    (change.bytes_allocated as f64 - change.bytes_deallocated as f64) / 1e6
}

fn main() {
    let columns = [
        "rules",
        "number",
        "read MB",
        "compiled ms",
        "compiled MB",
        "ns a packet",
        "growth",
        "kernel's ns",
        "growth",
        "kernel / ours",
        "ns to a rule",
    ];
    println!("| {} |", columns.join(" | "));
    println!("|--{}|", "|-:".repeat(columns.len() - 1));
    for kind in KINDS {
        let mut before: Option<(f64, f64)> = None;
        for size in SIZES {
            let row = measure(kind, size);
            let growth =
                |now: f64, then: Option<f64>| then.map_or_else(String::new, |then| format!("{:.1}x", now / then));
            println!(
                "| {} | {size} | {:.2} | {:.1} | {:.2} | {:.0} | {} | {:.0} | {} | {:.1} | {:.0} |",
                kind.name,
                row.read,
                row.compiled.as_secs_f64() * 1e3,
                row.taken,
                row.ours,
                growth(row.ours, before.map(|b| b.0)),
                row.kernel,
                growth(row.kernel, before.map(|b| b.1)),
                row.kernel / row.ours,
                row.decided,
            );
            before = Some((row.ours, row.kernel));
        }
    }
}

/// What was measured of one ruleset.
struct Row {
    /// The ruleset's memory in MB.
    read: f64,
    compiled: Duration,
    /// What making it ready has taken besides, in MB.
    taken: f64,
    /// What a packet that no rule matches takes here, and in the kernel, in nanoseconds.
    ours: f64,
    kernel: f64,
    /// What one takes here that a rule decides about, each another.
    decided: f64,
}

fn measure(kind: &Kind, size: usize) -> Row {
    let ns = std::thread::spawn(unshare_net).join().unwrap().unwrap();
    let status = ns.run(|| Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap());
    assert!(status.unwrap().success());
    let empty = sent(&ns, 0);
    load(&ns, kind.program, &(kind.text)(size));
    let kernel = sent(&ns, size) - empty;
    let region = Region::new(ALLOC);
    let rules = ns.run(Ruleset::read).unwrap().unwrap();
    let read = held(&region);
    let base = match rules.xt.first() {
        Some(t) => ChainRef {
            table: TableRef::Xt(0),
            chain: t.chains().position(|c| c.name().as_bytes() == b"INPUT").unwrap(),
        },
        None => ChainRef { table: TableRef::Nft(0), chain: 0 },
    };
    let decide = |prepared: &Prepared<'_>, packet: Packet| {
        let mut assumptions = Assumptions::new();
        let mut cx = Context::new(packet, Hook::Input, &Nowhere, &mut assumptions);
        prepared.base_chain(&mut cx, base, &Begin::Start, &mut |_| {}).decision
    };
    let compile = || {
        let (start, region) = (Instant::now(), Region::new(ALLOC));
        let prepared = Prepared::new(&rules);
        // Chains are filed when the first packet comes.
        assert_eq!(decide(&prepared, stranger(0)), Decision::Accept, "{} {size}", kind.name);
        (start.elapsed(), held(&region), prepared)
    };
    let compiled = (0..5).map(|_| compile().0).min().unwrap();
    let (_, taken, prepared) = compile();
    let decide = |packet| decide(&prepared, packet);
    let mut n = 0u8;
    let ours = least(64, || {
        n = n.wrapping_add(1);
        black_box(decide(stranger(n)));
    });
    let mut of = 0usize;
    let decided = least(64, || {
        of = (of + 7919) % size;
        let (source, port) = numbers(of);
        black_box(decide(packet(1, source, port as u16)));
    });
    Row { read, compiled, taken, ours, kernel, decided }
}
