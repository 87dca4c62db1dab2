//! A host with a bridge of three ports and a device beside it.

use std::fmt::Write as _;
use std::net::UdpSocket;

use nfblame_sys::nft::monitor::{Event, Interest, Monitor, Received};
use nfblame_sys::nft::{self, Trace};
use nfblame_sys::tun::Tap;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, sendto, socket};

use crate::common::Netns;
use crate::config::{CHAINS, Item};
use crate::frames::{Frame, marker};

/// Three ports, and one that is none.
pub const DEVICES: [&str; 4] = ["p1", "p2", "p3", "v4"];

/// The hardware address of a device.
pub fn mac(name: &str) -> [u8; 6] {
    [2, 0, 0, 0, 0, if name == "br0" { 0x10 } else { name.as_bytes()[1] - b'0' }]
}

pub fn hex(b: &[u8]) -> String {
    b.iter().map(|b| format!("{b:02x}")).collect()
}

/// A record of nf_tables: family, chain, rule, verdict.
pub type Step = (nft::Family, String, Option<u64>, String);

/// What became of a frame.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The records of all copies of it.
    pub steps: Vec<Step>,
    /// The devices that it left by.
    pub left: Vec<&'static str>,
    /// A socket of the host got it.
    pub taken: bool,
    /// All frames that came out, for people.
    pub frames: Vec<String>,
}

impl Seen {
    pub fn add(&mut self, more: Self) {
        self.steps.extend(more.steps);
        self.left.extend(more.left);
        self.taken |= more.taken;
        self.frames.extend(more.frames);
    }
}

/// The host. The thread that makes it is in its namespace from then on.
pub struct World {
    _ns: Netns,
    taps: Vec<(&'static str, Tap)>,
    sockets: Vec<UdpSocket>,
    raw: std::os::fd::OwnedFd,
    monitor: Monitor,
}

impl World {
    pub fn new(items: &[Item]) -> Self {
        let ns = Netns::new();
        ns.ns().enter().unwrap();
        for (key, value) in [
            ("net.ipv6.conf.default.accept_dad", "0"),
            ("net.ipv6.conf.default.mldv1_unsolicited_report_interval", "100000000"),
            ("net.ipv6.conf.default.mldv2_unsolicited_report_interval", "100000000"),
            ("net.ipv6.conf.default.router_solicitations", "0"),
            ("net.ipv6.conf.default.addr_gen_mode", "1"),
            ("net.ipv4.conf.all.rp_filter", "0"),
            ("net.ipv4.conf.default.rp_filter", "0"),
        ] {
            ns.sysctl(key, value);
        }
        let taps = DEVICES.map(|name| (name, ns.run(|| Tap::new(name)).unwrap()));
        let mut lines = String::from("link add br0 address 02:00:00:00:00:10 type bridge forward_delay 0\n");
        for name in DEVICES {
            let _ = writeln!(lines, "link set {name} address {}", colons(&mac(name)));
            if name != "v4" {
                let _ = writeln!(lines, "link set {name} master br0");
            }
            let _ = writeln!(lines, "link set {name} up");
        }
        lines += "link set br0 up
            addr add 10.8.0.1/24 brd 10.8.0.255 dev br0
            addr add 2001:db8:8::1/64 dev br0 nodad
            addr add 10.9.0.1/24 dev v4
            neigh add 10.8.0.8 lladdr 02:11:00:00:00:02 dev br0
            neigh add 10.8.0.9 lladdr 02:11:00:00:00:09 dev br0
            neigh add 10.8.0.7 lladdr 02:11:00:00:00:01 dev br0
            route add 10.99.0.0/24 via 10.8.0.8
            neigh add 2001:db8:8::7 lladdr 02:11:00:00:00:01 dev br0
            neigh add 2001:db8:8::8 lladdr 02:11:00:00:00:02 dev br0
            ";
        ns.cmd("ip", &["-batch", "-"], &lines);
        let sockets = ns.run(|| [53, 8080].map(|port| UdpSocket::bind(("::", port)).unwrap()));
        sockets.iter().for_each(|s| s.set_nonblocking(true).unwrap());
        let raw =
            ns.run(|| socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw).unwrap());
        nix::sys::socket::setsockopt(&raw, nix::sys::socket::sockopt::Broadcast, &true).unwrap();
        for item in items {
            match item {
                // What contradicts what is there already is refused, and left out.
                Item::Ip(words) => drop(ns.try_cmd("ip", &words.split(' ').collect::<Vec<_>>(), "")),
                Item::Bridge(words) => drop(ns.try_cmd("bridge", &words.split(' ').collect::<Vec<_>>(), "")),
                Item::Sysctl(key, value) => ns.sysctl(key, value),
                Item::Arp(rule) => drop(ns.try_cmd("arptables-legacy", &rule.split(' ').collect::<Vec<_>>(), "")),
                Item::Rule(..) | Item::Drops(_) => {}
            }
        }
        load(&ns, rules(items));
        let monitor = Monitor::open(Interest { changes: false, trace: true }).unwrap();
        monitor.set_nonblocking(true).unwrap();
        let mut world = Self { _ns: ns, taps: taps.into(), sockets: sockets.into(), raw, monitor };
        world.drain();
        world
    }

    fn drain(&mut self) {
        let mut buffer = [0; 65536];
        for (_, tap) in &self.taps {
            while tap.receive(&mut buffer).unwrap().is_some() {}
        }
    }

    /// Sends it; false if the kernel does not take it, which it tells the sender at once.
    pub fn send(&mut self, frame: &Frame) -> bool {
        self.drain();
        match frame.from {
            Some(device) => {
                let (_, tap) = self.taps.iter().find(|t| t.0 == device).unwrap();
                // A device that is down takes nothing.
                let _ = tap.send(&[frame.link.as_slice(), &frame.bytes].concat());
                true
            }
            None => {
                use std::os::fd::AsRawFd;
                let to: [u8; 4] = frame.bytes[16..20].try_into().unwrap();
                let to = SockaddrStorage::from(std::net::SocketAddr::new(to.into(), 0));
                sendto(self.raw.as_raw_fd(), &frame.bytes, &to, MsgFlags::empty()) != Err(Errno::EMSGSIZE)
            }
        }
    }

    pub fn see(&mut self, frame: &Frame) -> Seen {
        let mut seen = Seen::default();
        let mut traces: Vec<Trace> = Vec::new();
        while let Received::Notifications(_) = self
            .monitor
            .receive(|n| {
                if let Event::Trace(t) = n.event {
                    traces.push(*t);
                }
            })
            .unwrap()
        {}
        // The kernel tells nothing of frames with a VLAN tag at egress.
        let silent = |t: &Trace| frame.link.len() == 18 && is_egress(&t.chain.to_string());
        for t in traces.iter().filter(|t| t.table != "tracer" && !silent(t)) {
            let (rule, word) = match t.kind {
                nft::TraceKind::Policy => {
                    (None, format!("policy {}", t.policy.as_ref().map(nft::Verdict::to_string).unwrap_or_default()))
                }
                _ if t.rule_handle.is_none() => continue,
                _ => (t.rule_handle, t.verdict.as_ref().map(nft::Verdict::to_string).unwrap_or_default()),
            };
            seen.steps.push((t.family, t.chain.to_string(), rule, word));
        }
        let mut buffer = [0; 65536];
        for (name, tap) in &self.taps {
            while let Some(out) = tap.receive(&mut buffer).unwrap() {
                seen.frames.push(format!("{name}: {}", hex(&out[..out.len().min(70)])));
                let own = out.windows(6).any(|w| w == marker(frame.id))
                    || out.get(frame.link.len()..).is_some_and(|b| b == frame.bytes);
                // What is told about it quotes it.
                let about =
                    matches!(out.get(23), Some(1)) && out.get(34).is_some_and(|k| *k != 8) && frame.kind() == 0x0800
                        || matches!(out.get(20), Some(58))
                            && out.get(54).is_some_and(|k| *k != 128)
                            && frame.kind() == 0x86dd;
                if own && !about {
                    seen.left.push(name);
                }
            }
        }
        for socket in &self.sockets {
            while let Ok(n) = socket.recv(&mut buffer) {
                seen.taken |= buffer[..n].starts_with(&marker(frame.id));
            }
        }
        seen
    }
}

/// Is a chain of that name at the egress of a device?
pub fn is_egress(chain: &str) -> bool {
    CHAINS.iter().any(|(_, name, place)| *name == chain && place.contains("egress"))
}

fn colons(mac: &[u8; 6]) -> String {
    mac.map(|b| format!("{b:02x}")).join(":")
}

/// Loads rules; those that this kernel has no code for are left out.
fn load(ns: &Netns, mut text: String) {
    loop {
        let out = ns.try_cmd("nft", &["-f", "-"], &text);
        if out.status.success() {
            return;
        }
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        let refused: Vec<usize> =
            said.lines().filter_map(|l| l.strip_prefix("/dev/stdin:")?.split(':').next()?.parse().ok()).collect();
        assert!(!refused.is_empty(), "{said}\n{text}");
        let kept = text.lines().enumerate().filter(|(n, _)| !refused.contains(&(n + 1)));
        text = kept.map(|(_, line)| format!("{line}\n")).collect();
    }
}

/// The tables of nf_tables, with a tracer before everything else.
fn rules(items: &[Item]) -> String {
    let mut text = String::from(
        "table netdev tracer {\n\tchain in {\n\t\ttype filter hook ingress devices = { p1, p2, p3, v4 } priority -500;\n\t\t\
         meta nftrace set 1\n\t}\n}\ntable inet tracer {\n\tchain out {\n\t\ttype filter hook output priority -500;\n\t\t\
         meta skuid 0 meta l4proto { 1, 6, 17 } meta nftrace set 1\n\t}\n}\n",
    );
    for family in ["bridge", "netdev", "inet", "arp"] {
        let mut chains = String::new();
        for (n, (_, name, place)) in CHAINS.iter().enumerate().filter(|(_, c)| c.0 == family) {
            let rules: Vec<&str> = items
                .iter()
                .filter_map(|i| match i {
                    Item::Rule(at, rule) if *at == n => Some(rule.as_str()),
                    _ => None,
                })
                .collect();
            let drops = items.contains(&Item::Drops(n));
            if rules.is_empty() && !drops {
                continue;
            }
            let policy = if drops { "drop" } else { "accept" };
            let _ = writeln!(chains, "\tchain {name} {{\n\t\ttype {place}; policy {policy};");
            for rule in rules {
                let _ = writeln!(chains, "\t\t{rule}");
            }
            chains += "\t}\n";
        }
        if !chains.is_empty() {
            let _ = writeln!(text, "table {family} t {{\n{chains}}}");
        }
    }
    text
}
