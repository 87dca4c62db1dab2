//! A host with three TAP devices, what the kernel tells of a packet in it, and the tools that load rules.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use nfblame::blame::Time;
use nfblame::evaluate::Network;
use nfblame::evidence::LoggedPacket;
use nfblame::evidence::legacy::{self, LegacyTrace};
use nfblame_sys::ct::{Conntrack, Events, Filter};
use nfblame_sys::netlink::{Client, Socket};
use nfblame_sys::nflog::{self, Config, Listener};
use nfblame_sys::nft::monitor::{Event, Interest, Monitor};
use nfblame_sys::nft::{self, Trace};
use nfblame_sys::tun::Tap;
use nfblame_sys::uapi::nfnetlink::NFNL_SUBSYS_CTNETLINK;
use nfblame_sys::uapi::nfnetlink_conntrack::{
    IPCTNL_MSG_CT_DELETE, NFNLGRP_CONNTRACK_DESTROY, NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE,
};
use nfblame_sys::xt::Family;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, sendto, socket};

use crate::common::taps::{quiet_router, tap};
use crate::common::{Netns, until};
use crate::packets::{Shot, is_marked};
use crate::tcp::Tcp;

/// Where most packets come in.
pub const IN0: &str = "v1";
/// Where others do.
pub const IN1: &str = "v3";
/// Where the default route leads.
pub const OUT: &str = "v2";
/// What the host's own sockets take.
pub const OPEN: [u16; 2] = [53, 8080];

/// Switches tracing on before everything else: for what comes in, and for what a program of this host sends (what the
/// kernel answers by itself has no program).
const TRACER: &str = "table inet tracer {
	chain pre {
		type filter hook prerouting priority -420; policy accept;
		meta nftrace set 1
	}
	chain out {
		type filter hook output priority -420; policy accept;
		meta skuid 0 meta nftrace set 1
	}
}
";

/// The same before ingress.
const INGRESS_TRACER: &str = "table netdev tracer {
	chain in {
		type filter hook ingress device v1 priority -420; policy accept;
		meta nftrace set 1
	}
}
";

/// The hardware address of a device.
pub fn mac(name: &str) -> [u8; 6] {
    [2, 0, 0, 0, 0, name.as_bytes()[1] - b'0']
}

/// The host's own addresses.
pub fn locals(family: impl Into<V6>) -> Vec<IpAddr> {
    let all = if family.into().0 { ["2001:db8:9::2", "2001:db8:10::2"] } else { ["10.9.0.2", "10.9.1.2"] };
    all.iter().map(|a| a.parse().unwrap()).collect()
}

/// Is it IPv6? The generators ask in two ways.
pub struct V6(bool);

impl From<bool> for V6 {
    fn from(v6: bool) -> Self {
        Self(v6)
    }
}

impl From<Family> for V6 {
    fn from(family: Family) -> Self {
        Self(family == Family::Ip6)
    }
}

/// One tool for one family: what the generator of xtables rules tries its rules with.
pub struct World<'h> {
    pub family: Family,
    pub host: &'h Host,
    pub nft: bool,
}

impl World<'_> {
    /// The program that loads rules.
    pub fn tool(&self) -> &'static str {
        match (self.family == Family::Ip6, self.nft) {
            (false, false) => "iptables-legacy-restore",
            (true, false) => "ip6tables-legacy-restore",
            (false, true) => "iptables-nft-restore",
            (true, true) => "ip6tables-nft-restore",
        }
    }

    /// Loads rules; what the tool says where it does not.
    pub fn install(&self, text: &str) -> Result<(), String> {
        let out = self.host.ns.try_cmd(self.tool(), &[], text);
        if out.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
    }

    pub fn try_install(&self, text: &str) -> bool {
        self.install(text).is_ok()
    }

    /// Makes ipsets; false if the kernel cannot.
    pub fn make_sets(&self, script: &str) -> bool {
        self.host.ns.try_cmd("ipset", &["restore", "-exist"], script).status.success()
    }
}

/// The host under test. The thread that makes it is in its namespace from then on.
pub struct Host {
    pub ns: Netns,
    taps: Vec<(&'static str, u32, Tap)>,
    raw4: OwnedFd,
    raw6: OwnedFd,
    sockets: Vec<UdpSocket>,
    pub tcp: RefCell<Tcp>,
}

/// A record of nf_tables: family, table, chain, rule, verdict.
pub type NftStep = (nft::Family, String, String, Option<u64>, String);
/// A record of a legacy table: family, table, chain, number.
pub type XtStep = (u8, String, String, u32);

/// A packet that left: by which device, and from its network header on.
pub type Left = (&'static str, Vec<u8>);

/// What the kernel told of one packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub nft: Vec<NftStep>,
    pub xt: Vec<XtStep>,
    /// The packet itself as it left, and by which device.
    pub left: Option<Left>,
    /// A socket got it.
    pub taken: bool,
    /// All that was told or seen meanwhile, of any packet.
    pub all: All,
}

/// What was told or seen while a packet was under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct All {
    pub traces: Vec<Trace>,
    pub logged: Vec<String>,
    pub frames: Vec<Left>,
    pub taken: Vec<Vec<u8>>,
    pub connections: Vec<String>,
}

impl Host {
    pub fn new() -> Self {
        let ns = Netns::new();
        ns.ns().enter().unwrap();
        quiet_router(&ns);
        for (key, value) in [
            ("net.ipv4.icmp_ratemask", "0"),
            ("net.ipv4.icmp_ratelimit", "0"),
            ("net.netfilter.nf_log.2", "nfnetlink_log"),
            ("net.netfilter.nf_log.10", "nfnetlink_log"),
        ] {
            ns.sysctl(key, value);
        }
        let taps = [IN0, OUT, IN1].map(|name| {
            let (index, tap) = tap(&ns, name, &mac(name));
            // Neighbours need not be asked for.
            ns.cmd("ip", &["link", "set", name, "arp", "off", "up"], "");
            (name, index, tap)
        });
        for (name, address) in [
            (IN0, "10.9.0.2/24"),
            (OUT, "10.9.1.2/24"),
            (IN1, "10.9.3.2/24"),
            (IN0, "2001:db8:9::2/64"),
            (OUT, "2001:db8:10::2/64"),
            (IN1, "2001:db8:11::2/64"),
        ] {
            ns.address(name, address);
        }
        ns.route("0.0.0.0/0", "10.9.1.1");
        ns.route("::/0", "2001:db8:10::1");
        let raw = |family| ns.run(|| socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw).unwrap());
        let (raw4, raw6) = (raw(AddressFamily::Inet), raw(AddressFamily::Inet6));
        let sockets = ns.run(sockets);
        Self { ns, taps: taps.into(), raw4, raw6, sockets, tcp: RefCell::default() }
    }

    /// Loads rules of nf_tables in place of all others. What nft says where it does not.
    pub fn load(&self, rules: &str, ingress: bool) -> Result<(), String> {
        let text = format!("flush ruleset\n{TRACER}{}{rules}", if ingress { INGRESS_TRACER } else { "" });
        let out = self.ns.try_cmd("nft", &["-f", "-"], &text);
        if out.status.success() { Ok(()) } else { Err(format!("{}\n{text}", String::from_utf8_lossy(&out.stderr))) }
    }

    /// Forgets all connections.
    pub fn forget(&self) {
        let mut client = Client::open(nfblame_sys::netlink::Family::Netfilter).unwrap();
        let flush = |b: &mut nfblame_sys::netlink::Builder, flags, seq| {
            b.nf_message(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, flags, seq, 0, 0);
        };
        client.ack("forget", "all connections", flush).unwrap();
    }

    /// Waits until no connection is in the last second of its time: it might end between an answer and the packet.
    pub fn no_timer_runs_out(&self) {
        let mut table = Conntrack::open().unwrap();
        until("connections to end", || {
            let mut ending = false;
            table.dump(&Filter::any(), |f| ending |= f.timeout == Some(0)).unwrap();
            !ending
        });
    }

    /// Listens to what the kernel tells.
    pub fn watch(&self) -> Watch {
        let monitor = Monitor::open(Interest { changes: false, trace: true }).unwrap();
        monitor.set_nonblocking(true).unwrap();
        let mut log =
            Listener::open(Config { threshold: 1, conntrack: false, receive_buffer: 1 << 20, ..Config::default() })
                .unwrap();
        log.bind(legacy::GROUP).unwrap();
        let connections = Socket::open(nfblame_sys::netlink::Family::Netfilter).unwrap();
        connections.set_receive_buffer(1 << 20).unwrap();
        connections.set_nonblocking(true).unwrap();
        for group in [NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE, NFNLGRP_CONNTRACK_DESTROY] {
            connections.join(group).unwrap();
        }
        Watch { monitor, log, connections: Events::new(connections), ids: Vec::new() }
    }

    /// Sends a packet, through the whole stack.
    pub fn send(&self, shot: &Shot) {
        match &shot.from {
            Some((device, link)) => {
                let (_, _, tap) = self.taps.iter().find(|t| t.0 == *device).unwrap();
                tap.send(&[link.as_slice(), &shot.bytes].concat()).unwrap();
            }
            None => {
                let b = &shot.bytes;
                let (fd, to): (_, IpAddr) = if shot.is_v6() {
                    (&self.raw6, <[u8; 16]>::try_from(&b[24..40]).unwrap().into())
                } else {
                    (&self.raw4, <[u8; 4]>::try_from(&b[16..20]).unwrap().into())
                };
                let to = SockaddrStorage::from(SocketAddr::new(to, 0));
                // A packet that a rule drops is refused to its sender.
                let _ = sendto(fd.as_raw_fd(), b, &to, MsgFlags::empty());
            }
        }
    }

    /// Takes what has come of the packet with that mark since the last time.
    pub fn see(&self, watch: &mut Watch, id: u16, seen: &mut Seen) {
        let mut traces = Vec::new();
        while let nft::monitor::Received::Notifications(_) = watch
            .monitor
            .receive(|n| {
                if let Event::Trace(t) = n.event {
                    traces.push(*t);
                }
            })
            .unwrap()
        {}
        for t in traces {
            watch.nft(&t, id, seen);
            seen.all.traces.push(t);
        }
        watch.connections(&mut seen.all.connections);
        while watch
            .log
            .receive(|r| match r {
                nflog::Received::Packet(p) => {
                    seen.all.logged.push(format!("{p:?}"));
                    if let Ok(t) = LegacyTrace::from_packet(LoggedPacket::new(p, Time::now()))
                        && is_marked(&t.packet.payload, id)
                    {
                        seen.xt.push((t.packet.family, t.table.to_string(), t.chain.to_string(), t.number));
                    }
                }
                nflog::Received::Lost(lost) => panic!("{lost:?}"),
            })
            .unwrap()
        {}
        let mut buffer = [0; 4096];
        for (name, _, tap) in &self.taps {
            while let Some(frame) = tap.receive(&mut buffer).unwrap() {
                seen.all.frames.push((name, frame.to_vec()));
                if is_marked(&frame[14..], id) && seen.left.is_none() {
                    seen.left = Some((name, frame[14..].to_vec()));
                }
            }
        }
        for socket in &self.sockets {
            while let Ok(n) = socket.recv(&mut buffer) {
                seen.taken = true;
                seen.all.taken.push(buffer[..n].to_vec());
            }
        }
        self.tcp.borrow_mut().take();
    }
}

/// The kernel's own words.
pub struct Watch {
    monitor: Monitor,
    log: Listener,
    connections: Events,
    /// The trace ids of the packet under way.
    ids: Vec<u32>,
}

impl Watch {
    /// Another packet: the kernel uses ids again.
    pub fn next(&mut self) {
        self.ids.clear();
    }

    fn connections(&mut self, to: &mut Vec<String>) {
        while self.connections.receive(|change, flow| to.push(format!("{change:?} {flow:?}"))).is_ok() {}
    }

    fn nft(&mut self, t: &Trace, id: u16, seen: &mut Seen) {
        // The first record in a base chain tells devices and headers.
        if t.iif.is_some() || t.oif.is_some() {
            // Of a later fragment of IPv6 the kernel tells no header.
            let ours = if t.network_header.is_empty() {
                t.table == "tracer" || self.ids.contains(&t.id)
            } else {
                is_marked(&t.network_header, id)
            };
            self.ids.retain(|i| *i != t.id);
            if ours {
                self.ids.push(t.id);
            }
        }
        if t.table == "tracer" || !self.ids.contains(&t.id) {
            return;
        }
        let verdict = match t.kind {
            nft::TraceKind::Policy => {
                format!("policy {}", t.policy.as_ref().map(nft::Verdict::to_string).unwrap_or_default())
            }
            // The end of a chain has a record without a rule.
            _ if t.rule_handle.is_none() => return,
            _ => t.verdict.as_ref().map(nft::Verdict::to_string).unwrap_or_default(),
        };
        let rule = if t.kind == nft::TraceKind::Policy { None } else { t.rule_handle };
        seen.nft.push((t.family, t.table.to_string(), t.chain.to_string(), rule, verdict));
    }
}

/// The network of a packet.
pub fn network(shot: &Shot) -> Network {
    if shot.is_v6() { Network::Ip6 } else { Network::Ip4 }
}

/// What takes packets.
fn sockets() -> Vec<UdpSocket> {
    let all = OPEN.iter().map(|port| UdpSocket::bind(("::", *port)).unwrap());
    all.inspect(|s| s.set_nonblocking(true).unwrap()).collect()
}
