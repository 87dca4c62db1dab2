//! A host under test between two neighbours, packets into it, and the kernel's trace of each.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nfblame::ruleset::Ruleset;
use nfblame_sys::Text;
use nfblame_sys::nft::monitor::{Event, Interest, Monitor, Received};
use nfblame_sys::nft::{Family, Trace, TraceKind, Verdict};
use nix::sys::socket::{self, AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage};

use crate::common::{Netns, veth};
use crate::packets::{Entry, Probe, TTL};

/// Who sends on the wire.
pub const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// How long the kernel may take for the last packet of a batch.
const PATIENCE: Duration = Duration::from_secs(5);

/// UDP to the host, with the id that no other has.
const LAST: [u8; 28] =
    [0x45, 0, 0, 28, 0, 99, 0, 0, TTL, 17, 0x69, 0x5a, 10, 9, 0, 1, 10, 9, 0, 2, 0, 9, 0, 9, 0, 8, 0, 0];

/// Keeps the calling thread, and with it the packets that it sends, on one processor: they stay in order.
pub fn stay() {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;
    let all = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let first = (0..CpuSet::count()).find(|&n| all.is_set(n) == Ok(true)).unwrap();
    let mut one = CpuSet::new();
    one.set(first).unwrap();
    sched_setaffinity(Pid::from_raw(0), &one).unwrap();
}

/// Switches tracing on before everything else. It sees every packet of ours at both entries.
const TRACER: &str = "table inet tracer {
	chain pre {
		type filter hook prerouting priority -400; policy accept;
		ip ttl 61 meta nftrace set 1
		ip6 hoplimit 61 meta nftrace set 1
	}
	chain out {
		type filter hook output priority -400; policy accept;
		ip ttl 61 meta nftrace set 1
		ip6 hoplimit 61 meta nftrace set 1
	}
}
";

/// The same at ingress, where no header is sure to be one.
const INGRESS_TRACER: &str = "table netdev tracer {
	chain in {
		type filter hook ingress device v1 priority -400; policy accept;
		meta nftrace set 1
	}
}
";

/// Three namespaces: near, the host under test, far.
pub struct Lab {
    _near: Netns,
    pub host: Netns,
    _far: Netns,
    pub mac: [u8; 6],
    wire: OwnedFd,
    wire_to: LinkAddr,
    raw4: OwnedFd,
    raw6: OwnedFd,
}

/// What the kernel told about one packet in one base chain.
#[derive(Debug, Clone, Default)]
pub struct Passage {
    /// The first record, with the packet.
    pub records: Vec<Trace>,
}

impl Lab {
    pub fn new() -> Self {
        let (near, host, far) = (Netns::new(), Netns::new(), Netns::new());
        // Forwarding and no checks: what is to be seen are the rules.
        for (key, value) in [
            ("net.ipv4.conf.default.rp_filter", "0"),
            ("net.ipv4.conf.all.rp_filter", "0"),
            ("net.ipv4.ip_forward", "1"),
            ("net.ipv6.conf.all.forwarding", "1"),
            ("net.ipv6.conf.default.accept_source_route", "0"),
            ("net.ipv4.icmp_echo_ignore_all", "1"),
            ("net.ipv4.icmp_ratemask", "0"),
            ("net.ipv4.icmp_ratelimit", "0"),
        ] {
            host.sysctl(key, value);
        }
        veth(&near, "n1", "", &host, "v1", "10.9.0.2/24");
        veth(&host, "v2", "10.9.1.2/24", &far, "f1", "");
        for name in ["v1", "v2"] {
            host.sysctl(&format!("net.ipv4.conf.{name}.rp_filter"), "0");
        }
        host.address("v1", "2001:db8:9::2/64");
        host.address("v2", "2001:db8:10::2/64");
        let mac = mac(&host, "v1");
        let (wire, wire_to) = near.run(|| {
            let fd = socket::socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None).unwrap();
            let to = nix::ifaddrs::getifaddrs()
                .unwrap()
                .find_map(|i| (i.interface_name == "n1").then(|| i.address?.as_link_addr().copied()).flatten())
                .unwrap();
            (fd, to)
        });
        let raw = |family| {
            host.run(|| socket::socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw).unwrap())
        };
        let (raw4, raw6) = (raw(AddressFamily::Inet), raw(AddressFamily::Inet6));
        Self { _near: near, host, _far: far, mac, wire, wire_to, raw4, raw6 }
    }

    /// Replaces the ruleset. What nft said, if it refuses.
    pub fn load(&self, ruleset: &str, ingress: bool) -> Result<Ruleset, String> {
        let text = format!("flush ruleset\n{TRACER}{}{ruleset}", if ingress { INGRESS_TRACER } else { "" });
        let out = self.host.try_cmd("nft", &["-f", "-"], &text);
        if !out.status.success() {
            return Err(format!("{}\n{text}", String::from_utf8_lossy(&out.stderr)));
        }
        let ruleset = self.host.run(Ruleset::read).map_err(|e| e.to_string())?;
        if ruleset.problems.is_empty() { Ok(ruleset) } else { Err(format!("{:?}", ruleset.problems)) }
    }

    /// Listens to trace records.
    pub fn monitor(&self) -> Monitor {
        self.host.run(|| {
            let monitor = Monitor::open(Interest { changes: false, trace: true }).unwrap();
            monitor.set_nonblocking(true).unwrap();
            monitor
        })
    }

    fn send(&self, probe: &Probe) {
        let sent = match probe.entry {
            Entry::Wire => {
                let mut frame = self.mac.to_vec();
                frame.extend(SENDER);
                frame.extend(if probe.is_ip6() { [0x86, 0xdd] } else { [8, 0] });
                frame.extend(&probe.bytes);
                socket::sendto(self.wire.as_raw_fd(), &frame, &self.wire_to, MsgFlags::empty())
            }
            Entry::Here => {
                let (fd, to): (_, IpAddr) = if probe.is_ip6() {
                    (&self.raw6, <[u8; 16]>::try_from(&probe.bytes[24..40]).unwrap().into())
                } else {
                    (&self.raw4, <[u8; 4]>::try_from(&probe.bytes[16..20]).unwrap().into())
                };
                let to = SockaddrStorage::from(SocketAddr::new(to, 0));
                socket::sendto(fd.as_raw_fd(), &probe.bytes, &to, MsgFlags::empty())
            }
        };
        // A packet that an output rule drops is refused to its sender.
        if let Err(e) = sent {
            assert!(matches!(e, nix::Error::EPERM | nix::Error::EACCES | nix::Error::ENOBUFS), "{e}: {probe:x?}");
        }
    }

    /// Sends packets one by one and returns what the kernel told of each, base chain by base chain.
    pub fn trace(&self, monitor: &mut Monitor, probes: &[Probe]) -> HashMap<u32, Vec<Passage>> {
        let mut seen = Seen::default();
        for probe in probes {
            self.send(probe);
            self.collect(monitor, &mut seen, probe);
        }
        // What still waits to be received on this processor is before the last one.
        let (entry, bytes) = (Entry::Wire, LAST.to_vec());
        let last = Probe { bytes, entry, id: 99, local: true, fragment: false, broken: false, ip6: false };
        self.send(&last);
        self.collect(monitor, &mut seen, &last);
        seen.packets
    }

    /// Waits for the first record of a packet, then takes what is there.
    fn collect(&self, monitor: &mut Monitor, seen: &mut Seen, probe: &Probe) {
        let start = Instant::now();
        loop {
            match monitor
                .receive(|n| {
                    if let Event::Trace(t) = n.event {
                        seen.add(*t, probe.id)
                    }
                })
                .unwrap()
            {
                Received::Notifications(_) => {}
                Received::Nothing if seen.packets.contains_key(&probe.id) => return,
                Received::Nothing => {
                    assert!(start.elapsed() < PATIENCE, "no trace of {probe:x?}");
                    std::thread::yield_now();
                }
                loss => panic!("{loss:?}"),
            }
        }
    }
}

fn mac(ns: &Netns, link: &str) -> [u8; 6] {
    ns.rt(|rt| rt.link(link)).unwrap().address.as_slice().try_into().unwrap()
}

/// Not one of ours.
const NOBODY: u32 = 0;

/// Records, sorted by packet.
#[derive(Default)]
struct Seen {
    packets: HashMap<u32, Vec<Passage>>,
    /// The kernel's number for a packet on its way, and ours.
    ids: HashMap<u32, u32>,
}

impl Seen {
    /// `present` is the packet that was sent last.
    fn add(&mut self, t: Trace, present: u32) {
        // The first record in a base chain tells devices and headers.
        let first = t.iif.is_some() || t.oif.is_some();
        if first {
            let header = &t.network_header;
            let ours = match header.first().map(|b| b >> 4) {
                // At ingress it may be no header at all.
                _ if t.family == Family::Netdev => None,
                Some(4) if header[8] == TTL || header[8] == TTL - 1 => {
                    Some(u32::from(u16::from_be_bytes([header[4], header[5]])))
                }
                Some(6) if header[7] == TTL || header[7] == TTL - 1 => {
                    Some(u32::from_be_bytes([0, header[1] & 15, header[2], header[3]]))
                }
                Some(_) => Some(NOBODY),
                // Of a later fragment of IPv6 the kernel tells no header.
                None => None,
            };
            let ours = match ours {
                None if t.table == "tracer" => Some(present),
                None => self.ids.get(&t.id).copied(),
                found => found.filter(|&id| id != NOBODY),
            };
            // Others may get the same kernel's number later.
            match ours {
                Some(ours) => self.ids.insert(t.id, ours),
                None => self.ids.remove(&t.id),
            };
        }
        let Some(&ours) = self.ids.get(&t.id) else { return };
        if t.table == "tracer" {
            self.packets.entry(ours).or_default();
            return;
        }
        let passages = self.packets.entry(ours).or_default();
        if first {
            passages.push(Passage::default());
        }
        if let Some(p) = passages.last_mut() {
            p.records.push(t);
        }
    }
}

/// What one record says, in words that can be compared: chain, rule, verdict.
pub fn said(t: &Trace) -> Option<(Text, Option<u64>, String)> {
    let verdict = match t.kind {
        TraceKind::Policy => format!("policy {}", t.policy.as_ref().map(Verdict::to_string).unwrap_or_default()),
        // The end of a chain has a record without a rule.
        _ if t.rule_handle.is_none() => return None,
        _ => t.verdict.as_ref().map(Verdict::to_string).unwrap_or_default(),
    };
    Some((t.chain.clone(), t.rule_handle, verdict))
}
