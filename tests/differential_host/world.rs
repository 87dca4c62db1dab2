//! The host in its namespace: what comes out of its devices and sockets when a packet goes in.

use std::collections::BTreeMap;
use std::net::UdpSocket;

use nfblame::evaluate::Fact;
use nfblame::host::{Host, KernelHost};
use nfblame_sys::rt::{Lookup, RouteKind, Router};
use nfblame_sys::tun::Tap;

use crate::common::taps::{quiet_router, tap};
use crate::common::{Netns, until};
use crate::config::{DEVICES, Item};
use crate::packets::{Shot, hex, mac, marker};
use crate::sockets::Open;

/// What every host has.
const BASE: &str = "\
addr add 10.9.1.1/24 broadcast + dev v1
addr add 10.9.2.1/24 broadcast + dev v2
addr add 10.9.3.1/24 broadcast + dev v3
addr add 2001:db8:1::1/64 dev v1 nodad
addr add 2001:db8:2::1/64 dev v2 nodad
addr add 2001:db8:3::1/64 dev v3 nodad
";

/// The host. The thread that makes it is in its namespace from then on.
pub struct World {
    /// It lives as long.
    _ns: Netns,
    taps: Vec<(&'static str, Tap)>,
    sockets: Vec<Open>,
    counters: BTreeMap<String, i64>,
}

/// What became of a packet.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// It left, by these devices.
    pub left: Vec<&'static str>,
    /// Sockets got it.
    pub taken: Vec<String>,
    /// What its sender was told, in the words of the contract.
    pub told: Option<String>,
    /// The answer of a listener or of the kernel itself.
    pub answered: Option<&'static str>,
    /// A socket of the host could not send it.
    pub refused: Option<String>,
    /// What the kernel counted.
    pub counted: BTreeMap<String, i64>,
    pub frames: Vec<String>,
}

impl World {
    pub fn new(items: &[Item]) -> Self {
        let ns = Netns::new();
        ns.ns().enter().unwrap();
        quiet_router(&ns);
        for (key, value) in [
            ("net.ipv6.conf.default.accept_dad", "0"),
            ("net.ipv6.conf.default.accept_ra", "0"),
            ("net.ipv4.icmp_ratemask", "0"),
            ("net.ipv4.icmp_ratelimit", "0"),
            ("net.ipv6.icmp.ratelimit", "0"),
        ] {
            ns.sysctl(key, value);
        }
        let taps = DEVICES.map(|name| (name, tap(&ns, name, &mac(name)).1));
        let up: String = DEVICES.map(|d| format!("link set {d} arp off up\n")).concat();
        ns.cmd("ip", &["-batch", "-"], &format!("{up}{BASE}"));
        ns.cmd("ip", &["-4", "-batch", "-"], "route add default via 10.9.2.2");
        ns.cmd("ip", &["-6", "-batch", "-"], "route add default via 2001:db8:2::2");
        for family in ["addr", "link", "-4", "-6"] {
            let of = |item: &Item| match item {
                Item::Ip(line) if line.starts_with(family) => {
                    Some(format!("{}\n", line.trim_start_matches(['-', '4', '6'])))
                }
                _ => None,
            };
            let lines: String = items.iter().filter_map(of).collect();
            let option = if family.starts_with('-') { family } else { "-d" }; // of no consequence here
            // What contradicts what is there already is refused, and left out.
            ns.try_cmd("ip", &[option, "-force", "-batch", "-"], &lines);
        }
        settle();
        let mut sockets = Vec::new();
        for item in items {
            match item {
                Item::Ip(_) => {}
                // A device with a small MTU has no settings of IPv6.
                Item::Sysctl(key, value) => {
                    let _ = std::fs::write(format!("/proc/sys/{}", key.replace('.', "/")), value);
                }
                Item::Nft(text) => ns.nft(text),
                Item::Socket(s) => sockets.extend(s.open()),
            }
        }
        let counters = counters();
        Self { _ns: ns, taps: taps.into(), sockets, counters }
    }

    /// Sends a packet. What a socket of the host says where it cannot.
    pub fn send(&self, shot: &Shot) -> Option<String> {
        match (&shot.from, &shot.ends) {
            (Some((device, link)), _) => {
                let (_, tap) = self.taps.iter().find(|t| t.0 == *device).unwrap();
                // A device that is down takes nothing.
                tap.send(&[link.as_slice(), &shot.bytes].concat()).err().map(|e| e.to_string())
            }
            (None, Some((from, to))) => {
                let payload = shot.bytes.get(if shot.v6 { 48 } else { 28 }..).unwrap_or(&[]);
                let sent = UdpSocket::bind(from).and_then(|s| {
                    let broadcast = s.set_broadcast(true);
                    broadcast.and_then(|()| s.send_to(payload, to))
                });
                sent.err().map(|e| e.to_string())
            }
            (None, None) => None,
        }
    }

    /// What has come of a packet since the last time.
    pub fn see(&mut self, shot: &Shot) -> Seen {
        let mut seen = Seen::default();
        let mut buffer = [0; 65536];
        for (name, tap) in &self.taps {
            while let Some(frame) = tap.receive(&mut buffer).unwrap() {
                let b = frame.get(14..).unwrap_or(&[]);
                seen.frames.push(format!("{name}: {}", hex(&b[..b.len().min(80)])));
                seen.frame(name, b, shot);
            }
        }
        for socket in &self.sockets {
            while let Some(payload) = socket.take() {
                if payload.starts_with(&marker(shot.id)) || payload.is_empty() {
                    seen.taken.push(format!("{:?}", socket.what));
                }
            }
        }
        let now = counters();
        for (name, value) in &now {
            let before = self.counters.get(name).copied().unwrap_or(0);
            if *value != before {
                seen.counted.insert(name.clone(), value - before);
            }
        }
        self.counters = now;
        seen
    }
}

/// The kernel makes the routes to addresses of IPv6 a moment later.
fn settle() {
    let host = KernelHost::open().unwrap();
    let mut router = Router::open().unwrap();
    let Fact::Is(all) = host.addresses() else { panic!("addresses") };
    for a in all.iter().filter(|a| a.local.addr.is_ipv6() && !a.local.addr.to_string().starts_with("fe80")) {
        let up = Host::link(&host, a.index).known().is_some_and(|l| l.is_running());
        if up {
            let local = Lookup::to(a.local.addr);
            until("the address", || router.lookup(&local).is_ok_and(|r| r.kind == RouteKind::Local));
        }
    }
}

impl Seen {
    /// A frame that came out: the packet, or what somebody says about it?
    fn frame(&mut self, device: &'static str, b: &[u8], shot: &Shot) {
        let id = shot.id.to_be_bytes();
        let Some(first) = b.first() else { return };
        let sent = &shot.bytes;
        if first >> 4 == 4 && b.len() >= 20 {
            let header = usize::from(first & 15) * 4;
            let marked = b.windows(8).any(|w| w == marker(shot.id)) || (b[4..6] == id && sent[4..6] == id);
            if b[9] == sent[9]
                && b[12..16] == sent[12..16]
                && !shot.v6
                && (marked || shot.ends.is_none() && b[4..6] == id)
            {
                self.left.push(device);
                return;
            }
            if shot.v6 {
                return;
            }
            match (b[9], b.get(header), b.get(header + 1)) {
                (1, Some(kind @ (3 | 4 | 11 | 12)), Some(code)) if b.get(header + 12..header + 14) == Some(&id[..]) => {
                    self.told = Some(words4(*kind, *code));
                }
                (1, Some(0), _) if b.get(header + 6..header + 8) == Some(&id[..]) => self.answered = Some("echo"),
                (6, _, _) => self.tcp(b.get(header..).unwrap_or(&[]), sent.get(usize::from(sent[0] & 15) * 4..)),
                _ => {}
            }
        } else if first >> 4 == 6 && b.len() >= 40 && shot.v6 {
            let marked = b.windows(8).any(|w| w == marker(shot.id));
            if b[8..40] == sent[8..40] && (marked && b[6] != 58 || b[2..4] == id || (marked && b[6] == sent[6])) {
                self.left.push(device);
                return;
            }
            match (b[6], b.get(40), b.get(41)) {
                (58, Some(kind @ 1..=4), Some(code)) if b.get(50..52) == Some(&id[..]) => {
                    self.told = Some(words6(*kind, *code));
                }
                (58, Some(129), _) if b.get(46..48) == Some(&id[..]) => self.answered = Some("echo"),
                (6, _, _) => {
                    let ports = sent.windows(4).position(|w| w[..2] == b[42..44] && w[2..4] == b[40..42]);
                    self.tcp(b.get(40..).unwrap_or(&[]), ports.and_then(|at| sent.get(at..)));
                }
                _ => {}
            }
        }
    }

    fn tcp(&mut self, answer: &[u8], question: Option<&[u8]>) {
        let (Some(a), Some(q)) = (answer.first_chunk::<14>(), question) else { return };
        if q.get(..2) == Some(&a[2..4]) && q.get(2..4) == Some(&a[..2]) {
            match a[13] {
                flags if flags & 4 != 0 => self.told = Some("tcp-reset".into()),
                flags if flags & 0x12 == 0x12 => self.answered = Some("syn-ack"),
                _ => self.answered = Some("tcp"),
            }
        }
    }
}

fn words4(kind: u8, code: u8) -> String {
    match (kind, code) {
        (3, 0) => "icmp-net-unreachable".into(),
        (3, 1) => "icmp-host-unreachable".into(),
        (3, 2) => "icmp-proto-unreachable".into(),
        (3, 3) => "icmp-port-unreachable".into(),
        (3, 4) => "icmp-fragmentation-needed".into(),
        (3, 13) => "icmp-admin-prohibited".into(),
        (11, 0) => "icmp-time-exceeded".into(),
        (12, _) => "icmp-parameter-problem".into(),
        (kind, code) => format!("icmp {kind}/{code}"),
    }
}

fn words6(kind: u8, code: u8) -> String {
    match (kind, code) {
        (1, 0) => "icmp6-no-route".into(),
        (1, 1) => "icmp6-adm-prohibited".into(),
        (1, 2) => "icmp6-beyond-scope".into(),
        (1, 3) => "icmp6-addr-unreachable".into(),
        (1, 4) => "icmp6-port-unreachable".into(),
        (2, _) => "icmp6-packet-too-big".into(),
        (3, 0) => "icmp6-time-exceeded".into(),
        (4, _) => "icmp6-parameter-problem".into(),
        (kind, code) => format!("icmp6 {kind}/{code}"),
    }
}

/// What the kernel counts of packets that it does not like.
fn counters() -> BTreeMap<String, i64> {
    let mut all = BTreeMap::new();
    for file in ["snmp", "netstat"] {
        let text = std::fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.chunks(2) {
            let (names, values) = (pair[0].split_whitespace(), pair[1].split_whitespace());
            let group = pair[0].split(':').next().unwrap();
            for (name, value) in names.zip(values).skip(1) {
                all.insert(format!("{group}.{name}"), value.parse().unwrap_or(0));
            }
        }
    }
    let text = std::fs::read_to_string("/proc/thread-self/net/snmp6").unwrap();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(value)) = (words.next(), words.next()) {
            all.insert(name.to_owned(), value.parse().unwrap_or(0));
        }
    }
    all.retain(|name, _| is_a_complaint(name));
    all
}

fn is_a_complaint(name: &str) -> bool {
    [
        "Errors",
        "NoRoutes",
        "Unknown",
        "Discards",
        "NoPorts",
        "Csum",
        "Frag",
        "ReversePath",
        "Truncated",
        "TooBig",
        "Reasm",
        "Listen",
        "Filter",
        "Drop",
    ]
    .iter()
    .any(|w| name.contains(w))
        && !name.starts_with("Icmp6Out")
}
