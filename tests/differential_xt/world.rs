//! A host with three TAP devices: two that packets come in by, one that they leave by. Sources lie in a prefix that
//! nothing can be sent back to, so that rejects and errors make no packets of their own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};

use nfblame::evaluate::environment::{FibAnswer, FibQuery, Link, RouteType};
use nfblame::evaluate::headers::Network;
use nfblame::evaluate::packet::{Ct, CtState, Owner};
use nfblame::evaluate::{Context, Device, Environment, Fact, Hook, Packet, checksum, nat};
use nfblame::ruleset::ipset::IpSets;
use nfblame_sys::ct::{Tuple, Zone};
use nfblame_sys::netlink::Client;
use nfblame_sys::rt::{NewRoute, Prefix};
use nfblame_sys::tun::Tap;
use nfblame_sys::uapi::nfnetlink::NFNL_SUBSYS_CTNETLINK;
use nfblame_sys::uapi::nfnetlink_conntrack::IPCTNL_MSG_CT_DELETE;
use nfblame_sys::xt::{Family, Legacy, Table};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, sendto, socket,
};

use crate::common::Netns;
use crate::common::taps::{quiet_router, tap};
use crate::packets::{Entry, Shot};

pub const IN0: &str = "in0";
pub const IN1: &str = "in1";
pub const OUT: &str = "out0";

const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RTN_BROADCAST: u8 = 3;
const RTN_MULTICAST: u8 = 5;
const RTN_BLACKHOLE: u8 = 6;
const ARPHRD_ETHER: u16 = 1;
const MTU: u32 = 1500;

/// The host under test.
pub struct World {
    pub family: Family,
    ns: Netns,
    taps: BTreeMap<&'static str, (u32, Tap)>,
    raw: OwnedFd,
    legacy: Legacy,
    netfilter: Client,
    sets: IpSets,
    release: String,
    buffer: RefCell<Vec<u8>>,
}

/// The host's own addresses.
pub fn locals(family: Family) -> Vec<IpAddr> {
    let all = if family == Family::Ip6 { ["fd00:1::1", "fd00:2::1"] } else { ["10.1.0.1", "10.2.0.1"] };
    all.iter().map(|a| a.parse().unwrap()).collect()
}

impl World {
    pub fn new(family: Family) -> Self {
        let ns = Netns::new();
        // This thread reads what belongs to its namespace.
        ns.ns().enter().unwrap();
        quiet_router(&ns);
        let names = [IN0, IN1, OUT];
        let taps: BTreeMap<_, _> = names
            .into_iter()
            .map(|name| {
                let (index, tap) = tap(&ns, name, &mac(name));
                ns.rt(|rt| rt.set_up(index, true)).unwrap();
                (name, (index, tap))
            })
            .collect();
        let (in0, out0, next, sources, any) = if family == Family::Ip6 {
            ("fd00:1::1/64", "fd00:2::1/64", "fd00:2::fe", "fd00:9::/64", "::/0")
        } else {
            ("10.1.0.1/24", "10.2.0.1/24", "10.2.0.254", "10.9.0.0/16", "0.0.0.0/0")
        };
        ns.address(IN0, in0);
        ns.address(OUT, out0);
        let index = ns.index(OUT);
        ns.rt(|rt| rt.add_neighbour(index, next.parse().unwrap(), &[2, 0, 0, 0, 9, 9])).unwrap();
        ns.route(any, next);
        // Nothing goes back to where packets come from, nor to where source NAT makes them come from.
        for prefix in [sources, if family == Family::Ip6 { "fd00:7::/32" } else { "10.7.0.0/16" }] {
            let prefix: Prefix = prefix.parse().unwrap();
            ns.rt(|rt| rt.add_route(NewRoute::kind(prefix, RTN_BLACKHOLE))).unwrap();
        }
        let domain = if family == Family::Ip6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
        let raw = ns.run(|| socket(domain, SockType::Raw, SockFlag::empty(), SockProtocol::Raw)).unwrap();
        let legacy = ns.run(|| Legacy::open(family)).unwrap();
        let netfilter = ns.run(|| Client::open(nfblame_sys::netlink::Family::Netfilter)).unwrap();
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim().to_owned();
        Self {
            family,
            ns,
            taps,
            raw,
            legacy,
            netfilter,
            sets: IpSets::default(),
            release,
            buffer: RefCell::new(vec![0; 4096]),
        }
    }

    /// The tool that loads rules of this family.
    pub fn tool(&self) -> &'static str {
        if self.family == Family::Ip6 { "ip6tables-legacy-restore" } else { "iptables-legacy-restore" }
    }

    pub fn install(&mut self, text: &str) {
        self.ns.cmd(self.tool(), &[], text);
        self.sets = IpSets::new(self.ns.run(nfblame_sys::ipset::read).unwrap().unwrap_or_default());
    }

    pub fn try_install(&self, text: &str) -> bool {
        self.ns.try_cmd(self.tool(), &[], text).status.success()
    }

    /// Makes ipsets; false if the kernel cannot.
    pub fn make_sets(&self, script: &str) -> bool {
        self.ns.try_cmd("ipset", &["restore", "-exist"], script).status.success()
    }

    pub fn tables(&self) -> Vec<Table> {
        self.legacy.tables().unwrap()
    }

    /// The index of a device.
    pub fn index(&self, name: &str) -> u32 {
        self.taps[name].0
    }

    /// Sends a packet; gives back what left the host.
    pub fn shoot(&self, shot: &Shot) -> Option<Vec<u8>> {
        match shot.entry {
            Entry::In { device, .. } => {
                let frame = [shot.frame().as_slice(), &shot.bytes].concat();
                self.taps[device].1.send(&frame).unwrap();
            }
            Entry::Out => {
                let to = destination(&shot.bytes, self.family);
                let sent = match to {
                    IpAddr::V4(a) => {
                        let to = SockaddrIn::from(SocketAddrV4::new(a, 0));
                        sendto(self.raw.as_raw_fd(), &shot.bytes, &to, MsgFlags::empty())
                    }
                    IpAddr::V6(a) => {
                        let to = SockaddrIn6::from(SocketAddrV6::new(a, 0, 0, 0));
                        sendto(self.raw.as_raw_fd(), &shot.bytes, &to, MsgFlags::empty())
                    }
                };
                // A dropped packet is reported to the sender.
                let _ = sent;
            }
        }
        let mut left = None;
        for (_, tap) in self.taps.values() {
            let mut buffer = self.buffer.borrow_mut();
            while let Some(frame) = tap.receive(&mut buffer).unwrap() {
                if self.is_ours(frame) && left.is_none() {
                    left = Some(frame[14..].to_vec());
                }
            }
        }
        left
    }

    /// Is a frame one of those that were sent, and not the host's own chatter (ARP, group membership)?
    fn is_ours(&self, frame: &[u8]) -> bool {
        match (self.family, &frame[12..14]) {
            // Neighbour discovery and group membership are ICMPv6 types from 130 on; the latter has a header in front.
            (Family::Ip6, [0x86, 0xdd]) => {
                frame[22..24] == [0xfd, 0x00]
                    && !(frame[24..26] == [0, 2] && frame[20] == 58 && frame[54] >= 130)
                    && !(frame[24..26] == [0, 2] && frame[20] == 0)
            }
            (Family::Ip, [0x08, 0x00]) => frame[26] == 10 && frame[23] != 2,
            _ => false,
        }
    }

    /// The hook where a packet begins.
    pub fn entry(&self, shot: &Shot) -> Hook {
        if shot.entry == Entry::Out { Hook::Output } else { Hook::Prerouting }
    }

    fn device(&self, name: &str) -> Device {
        Device { index: self.index(name), name: Fact::Is(name.into()) }
    }

    fn route(&self) -> FibAnswer {
        let gateway = if self.family == Family::Ip6 { "fd00:2::fe" } else { "10.2.0.254" };
        let gateway = Some(gateway.parse().unwrap());
        FibAnswer { kind: RTN_UNICAST, oif: self.index(OUT), gateway, ..FibAnswer::default() }
    }

    /// Forgets all connections.
    pub fn forget(&mut self) {
        let flush = |b: &mut nfblame_sys::netlink::Builder, flags, seq| {
            b.nf_message(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, flags, seq, 0, 0);
        };
        self.netfilter.ack("forget", "all connections", flush).unwrap();
    }

    /// What conntrack makes of a packet that begins a connection.
    pub fn track(&self, packet: &mut Packet) {
        let ct = &packet.ct;
        if ct.state != Fact::Absent && !ct.template {
            return;
        }
        let zone = if ct.template { ct.zone.clone() } else { Fact::Is(Zone::default()) };
        let original = nat::tuple_of(packet).unwrap();
        let flags = packet.bytes.get(if self.family == Family::Ip6 { 53 } else { 33 });
        let invalid = original.protocol == 6 && flags == Some(&0x29);
        packet.ct = match original.inverted() {
            Some(answers) if !invalid => Ct {
                state: Fact::Is(CtState::New),
                reply: Fact::Is(false),
                mark: Fact::Is(0),
                status: Fact::Is(0),
                zone,
                original: Fact::Is(original),
                answers: Fact::Is(answers),
                ..Ct::default()
            },
            _ => Ct { state: Fact::Is(CtState::Invalid), ..Ct::default() },
        };
    }

    /// The packet as the first hook sees it.
    pub fn packet(&self, shot: &Shot) -> Packet {
        let network = if self.family == Family::Ip6 { Network::Ip6 } else { Network::Ip4 };
        let mut p = Packet::new(network, shot.bytes.clone());
        p.length = shot.bytes.len();
        match shot.entry {
            Entry::In { device, .. } => {
                p.iif = Fact::Is(self.device(device));
                p.link = Fact::Is(shot.frame());
                p.pkttype = Fact::Is(shot.pkttype());
                p.owner = Fact::Absent;
            }
            Entry::Out => {
                p.oif = Fact::Is(self.device(OUT));
                p.link = Fact::Absent;
                p.pkttype = Fact::Is(0);
                p.owner = Fact::Is(Owner { uid: Some(0), gid: Some(0), cgroup: None });
                p.route = Fact::Is(self.route());
            }
        }
        p
    }

    /// Takes the packet on to its next hook: routing and forwarding, as this host does them.
    pub fn next(&self, cx: &mut Context) -> Option<Hook> {
        let packet = &mut cx.packet;
        match cx.hook {
            Hook::Prerouting => {
                let to = destination(&packet.bytes, self.family);
                let local = locals(self.family).contains(&to) || self.is_group(to);
                if local {
                    // IPv4 puts fragments together before the input hook, IPv6 behind it.
                    let h = packet.headers();
                    let fragment = h.more_fragments || h.fragment_offset != 0;
                    return (!(self.family == Family::Ip && fragment)).then_some(Hook::Input);
                }
                let (at, v4) = if self.family == Family::Ip6 { (7, false) } else { (8, true) };
                if packet.bytes[at] <= 1 || packet.pkttype != Fact::Is(0) {
                    return None;
                }
                if v4 {
                    let [ttl, protocol] = [packet.bytes[8] - 1, packet.bytes[9]];
                    checksum::write_network(packet, 8, &[ttl, protocol]);
                } else {
                    packet.bytes[7] -= 1;
                }
                packet.oif = Fact::Is(self.device(OUT));
                packet.route = Fact::Is(self.route());
                Some(Hook::Forward)
            }
            Hook::Forward | Hook::Output => Some(Hook::Postrouting),
            _ => None,
        }
    }

    fn is_group(&self, to: IpAddr) -> bool {
        match to {
            IpAddr::V4(a) => a.is_broadcast(),
            IpAddr::V6(a) => a.is_multicast(),
        }
    }
}

fn destination(bytes: &[u8], family: Family) -> IpAddr {
    let at = if family == Family::Ip6 { 24..40 } else { 16..20 };
    nat::address(&bytes[at]).unwrap()
}

/// The hardware address of a device here.
pub fn mac(name: &str) -> [u8; 6] {
    match name {
        IN0 => [2, 0, 0, 0, 0, 1],
        IN1 => [2, 0, 0, 0, 0, 2],
        _ => [2, 0, 0, 0, 0, 3],
    }
}

impl Environment for World {
    fn link(&self, index: u32) -> Fact<Link> {
        let Some((name, _)) = self.taps.iter().find(|(_, (i, _))| *i == index) else { return Fact::Absent };
        let address = mac(name).to_vec();
        Fact::Is(Link {
            index,
            name: (*name).into(),
            hardware: ARPHRD_ETHER,
            mtu: MTU,
            up: true,
            address,
            ..Link::default()
        })
    }

    fn address_type(&self, address: IpAddr, on: Option<u32>) -> Fact<RouteType> {
        let owner = locals(self.family).iter().position(|a| *a == address);
        let here = match (owner, on) {
            (Some(0), Some(on)) => on == self.index(IN0),
            (Some(_), Some(on)) => on == self.index(OUT),
            (owner, _) => owner.is_some(),
        };
        Fact::Is(match address {
            _ if here => RTN_LOCAL,
            IpAddr::V4(a) if a.is_broadcast() => RTN_BROADCAST,
            IpAddr::V4(a) if a.is_multicast() => RTN_MULTICAST,
            IpAddr::V6(_) if address.to_string().starts_with("fd00:9:") => RTN_BLACKHOLE,
            _ => RTN_UNICAST,
        })
    }

    fn fib(&self, query: &FibQuery) -> Fact<FibAnswer> {
        let text = query.to.to_string();
        // The only question here is for the way back to a source, and there is none.
        if text.starts_with("10.9.") || text.starts_with("fd00:9:") {
            return Fact::Absent;
        }
        Fact::Is(self.route())
    }

    fn way_back(&self, to: IpAddr) -> Fact<FibAnswer> {
        self.fib(&FibQuery { to, from: None, oif: None, iif: None, mark: 0, tos: 0 })
    }

    fn sysctl(&self, key: &str) -> Fact<String> {
        match key {
            "kernel.osrelease" => Fact::Is(self.release.clone()),
            _ if key.ends_with(".mtu") => Fact::Is(MTU.to_string()),
            _ => Fact::unknown("sysctl"),
        }
    }

    fn ipsets(&self) -> Option<&IpSets> {
        Some(&self.sets)
    }

    fn masquerade_address(&self, device: u32, _: IpAddr) -> Fact<IpAddr> {
        if device == self.index(OUT) { Fact::Is(locals(self.family)[1]) } else { Fact::Absent }
    }

    fn redirect_address(&self, device: u32, _: IpAddr) -> Fact<IpAddr> {
        if device == self.index(IN0) { Fact::Is(locals(self.family)[0]) } else { Fact::Absent }
    }

    fn tuple_taken(&self, _: &Tuple, _: Zone) -> Fact<bool> {
        Fact::Is(false)
    }

    fn under_ipsec(&self) -> Fact<bool> {
        Fact::Is(false)
    }

    fn clock(&self) -> Fact<(i64, i32)> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Fact::Is((now.as_secs() as i64, 0))
    }
}

/// A rule, or with position 0 the policy of a built-in chain: table, chain, position.
pub type Place = (String, String, usize);

/// Calls `each` for every policy and rule of a table, in an order that depends on its rules alone.
fn every(table: &Table, mut each: impl FnMut(&nfblame_sys::xt::Chain<'_>, usize, u64)) {
    for chain in table.chains() {
        if chain.hook().is_some() {
            each(&chain, 0, chain.counters().packets);
        }
        for rule in chain.rules() {
            each(&chain, rule.position, rule.entry.counters.packets);
        }
    }
}

/// All places of these tables.
pub fn places(tables: &[Table]) -> Vec<Place> {
    let mut all = Vec::new();
    for table in tables {
        every(table, |chain, position, _| all.push((table.name().to_string(), chain.name().to_string(), position)));
    }
    all
}

/// How often each of them matched so far.
pub fn counts(world: &World, tables: &[Table]) -> Vec<u64> {
    let mut all = Vec::new();
    for table in tables {
        every(&world.legacy.table(table.name().as_bytes()).unwrap(), |_, _, packets| all.push(packets));
    }
    all
}
