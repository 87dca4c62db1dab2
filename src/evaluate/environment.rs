//! What rules may ask about the host beside the packet. Evaluation reads no kernel: whoever runs it brings this.

use std::net::IpAddr;

use crate::blame::CulpritKind;
use crate::ruleset::ipset::IpSets;
use crate::sys::Text;
use crate::sys::ct::{Tuple, Zone};

use super::fact::Fact;
use super::obstacle::{Delivery, Obstacle, Routed, Tracked};
use super::packet::{Device, Packet};

/// A question to the routing tables, as `nft_fib`, `rpfilter` and `addrtype` ask it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FibQuery {
    /// The address to look up as destination.
    pub to: IpAddr,
    /// The source to look up from, where the question has one.
    pub from: Option<IpAddr>,
    /// Restrict to routes by this interface.
    pub oif: Option<u32>,
    /// As if it had come in by this interface.
    pub iif: Option<u32>,
    /// The mark to look up with.
    pub mark: u32,
    /// The TOS / DSCP byte.
    pub tos: u8,
}

/// Something at a device that may take packets, and does not tell which: an XDP program, a filter of traffic control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// XDP or traffic control.
    pub kind: CulpritKind,
    /// Which, for people: `XDP program 12 at eth0`.
    pub name: String,
}

/// The type of an address or route (`RTN_*`).
pub type RouteType = u8;

/// `RTN_UNICAST`.
const UNICAST: RouteType = 1;

/// The routing tables' answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FibAnswer {
    /// `RTN_*`; `RTN_UNREACHABLE` where there is no route.
    pub kind: RouteType,
    /// The interface of the route; 0 where there is none.
    pub oif: u32,
    /// The next hop's address, where the route has one.
    pub gateway: Option<IpAddr>,
    /// The source address the kernel would choose.
    pub source: Option<IpAddr>,
    /// The path MTU, where the route has a metric for it, or a smaller one was learned.
    pub mtu: Option<u32>,
    /// May nothing learned on the way change it (`mtu lock`)?
    pub mtu_locked: bool,
    /// The realm (`tclassid`).
    pub realm: Option<u32>,
}

impl FibAnswer {
    /// A neighbour's address, by that device.
    pub fn on_link(oif: u32) -> Self {
        Self { kind: UNICAST, oif, gateway: None, source: None, mtu: None, mtu_locked: false, realm: None }
    }
}

/// What is known about a network device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// Interface index.
    pub index: u32,
    /// Name.
    pub name: Text,
    /// `ARPHRD_*`.
    pub hardware: u16,
    /// `IFLA_INFO_KIND` ("veth", "bridge").
    pub kind: Text,
    /// `IFLA_GROUP`.
    pub group: u32,
    /// MTU in bytes.
    pub mtu: u32,
    /// Index of the master device; 0 for none.
    pub master: u32,
    /// Is it up?
    pub up: bool,
    /// Hardware address.
    pub address: Vec<u8>,
}

/// A bridge, as far as it decides about what goes from port to port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Switch {
    /// Are VLANs filtered?
    pub vlan_filtering: bool,
    /// Does the bridge itself ask for rules for IPv4, IPv6 and ARP, whatever the sysctl says?
    pub calls: [bool; 3],
    /// Does it speak the spanning tree protocol?
    pub stp: bool,
    /// Does it look into multicast (`mcast_snooping`)?
    pub snoops: bool,
    /// Does its host listen to everything?
    pub promiscuous: bool,
    /// Bit n: it forwards what is sent to 01:80:c2:00:00:0n.
    pub group_forward: u16,
    /// Its ports.
    pub ports: Vec<SwitchPort>,
    /// Whom it knows to be where; an address of the host itself is behind no port.
    pub stations: Fact<Vec<(Vec<u8>, Option<u32>)>>,
}

/// A port of a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchPort {
    /// The device.
    pub device: Device,
    /// Its hardware address, which is one of the bridge's, too.
    pub address: Vec<u8>,
    /// Is it up?
    pub up: bool,
    /// Its state of the spanning tree (`BR_STATE_*`).
    pub state: u8,
    /// It exchanges nothing with other isolated ports.
    pub isolated: bool,
    /// What comes in by it may leave by it.
    pub hairpin: bool,
    /// Does the bridge remember who is behind it?
    pub learns: bool,
    /// Does it get what is to nobody known, multicast, broadcasts?
    pub floods: [bool; 3],
    /// Does the bridge answer for what is behind it?
    pub proxy_arp: bool,
    /// May only hosts send that are known behind it?
    pub locked: bool,
    /// Bit n: it forwards what is sent to 01:80:c2:00:00:0n.
    pub group_forward: u16,
    /// What its device takes.
    pub mtu: u32,
}

/// The socket that a packet belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFacts {
    /// `IP_TRANSPARENT` is set.
    pub transparent: Fact<bool>,
    /// Its mark (`SO_MARK`).
    pub mark: Fact<u32>,
    /// Is it bound to the wildcard address?
    pub wildcard: bool,
    /// Its user.
    pub uid: Fact<u32>,
    /// Its cgroup v2 path.
    pub cgroup: Fact<Text>,
}

/// The host as rules see it. Every method may answer "unknown"; that is also what each does by itself.
pub trait Environment {
    /// Looks an address up in the routing tables.
    fn fib(&self, _query: &FibQuery) -> Fact<FibAnswer> {
        Fact::unknown("routing tables")
    }

    /// The route that answers to an address would take, with what was learned about it (`nf_route`). Absent: there is none.
    fn way_back(&self, _to: IpAddr) -> Fact<FibAnswer> {
        Fact::unknown("routing tables")
    }

    /// The type of an address as seen from this host, optionally on one interface only (`inet_addr_type`).
    fn address_type(&self, _address: IpAddr, _on: Option<u32>) -> Fact<RouteType> {
        Fact::unknown("address type")
    }

    /// The device of that index.
    fn link(&self, _index: u32) -> Fact<Link> {
        Fact::unknown("network device")
    }

    /// The bridge of that index, and its ports.
    fn switch(&self, _bridge: u32) -> Fact<Switch> {
        Fact::unknown("ports of the bridge")
    }

    /// The index of the device of that name; absent if there is none.
    fn link_index(&self, _name: &[u8]) -> Fact<u32> {
        Fact::unknown("network device")
    }

    /// The socket that a packet with these ends would be given to: protocol, source, destination.
    fn socket(&self, _protocol: u8, _from: (IpAddr, u16), _to: (IpAddr, u16)) -> Fact<SocketFacts> {
        Fact::unknown("socket")
    }

    /// The address that the kernel would masquerade behind (`inet_select_addr`, `ipv6_dev_get_saddr`): on that device,
    /// towards that next hop (IPv4) or destination (IPv6). Absent if the device has none: the packet dies then.
    fn masquerade_address(&self, _device: u32, _towards: IpAddr) -> Fact<IpAddr> {
        Fact::unknown("address to masquerade behind")
    }

    /// The device that has this address. Absent if none of this host has it.
    fn device_with(&self, _address: IpAddr) -> Fact<u32> {
        Fact::unknown("addresses of this host")
    }

    /// The address of a device that a packet is redirected to: the first one, of the family (and for IPv6 of the
    /// scope) of the old destination. Absent if the device has none: the packet dies then.
    fn redirect_address(&self, _device: u32, _destination: IpAddr) -> Fact<IpAddr> {
        Fact::unknown("address to redirect to")
    }

    /// Does conntrack know a connection already whose packets (in either direction) look like this (`nf_nat_used_tuple`)?
    fn tuple_taken(&self, _tuple: &Tuple, _zone: Zone) -> Fact<bool> {
        Fact::unknown("other connections on the same ports")
    }

    /// The tuples that other connections from the source of this one have for the far side: whom the answers to it are sent
    /// to, each once (`nf_nat_bysource`).
    fn same_source(&self, _tuple: &Tuple, _zone: Zone) -> Fact<Vec<Tuple>> {
        Fact::unknown("other connections from its source")
    }

    /// Where routing sends a packet that came in: to this host, out by a device, or nowhere and why.
    fn route_input(&self, _packet: &Packet) -> Fact<Routed> {
        Fact::unknown("routing decision")
    }

    /// Where routing sends a packet of this host.
    fn route_output(&self, _packet: &Packet) -> Fact<Routed> {
        Fact::unknown("routing decision")
    }

    /// The IPsec policy that keeps a packet that passed the input hook from whoever would take it. Absent: none does.
    fn input_policy(&self, _packet: &Packet) -> Fact<Obstacle> {
        Fact::unknown("IPsec policies")
    }

    /// Who takes a packet that passed the input hook and IPsec policies.
    fn deliver(&self, _packet: &Packet) -> Fact<Delivery> {
        Fact::unknown("receiving socket")
    }

    /// What stops a packet that is to be forwarded, between routing and the forward hook: its TTL, its size, an IPsec
    /// policy. Absent: nothing does.
    fn forward(&self, _packet: &Packet) -> Fact<Obstacle> {
        Fact::unknown("forwarding")
    }

    /// What keeps a packet from leaving by the device that routing chose, behind the last hook: the next hop. Absent:
    /// nothing does.
    fn leave(&self, _packet: &Packet) -> Fact<Obstacle> {
        Fact::unknown("next hop")
    }

    /// Programs at a device that see packets before all hooks, or (`out`) after them. They may do anything.
    fn programs(&self, _device: u32, _out: bool) -> Fact<Vec<Program>> {
        Fact::unknown("programs at the device")
    }

    /// Programs of control groups that see what a socket sends to the network. They may do anything.
    fn sent_through(&self, _packet: &Packet) -> Fact<Vec<Program>> {
        Fact::unknown("programs of control groups")
    }

    /// What the conntrack hook makes of a packet.
    fn track(&self, _packet: &Packet) -> Fact<Tracked> {
        Fact::unknown("conntrack state")
    }

    /// What it has made of a packet that is past it, and whose addresses translation may have changed since.
    fn track_behind(&self, packet: &Packet) -> Fact<Tracked> {
        self.track(packet)
    }

    /// The ipsets, where they were read.
    fn ipsets(&self) -> Option<&IpSets> {
        None
    }

    /// The IPsec policy or state that a match asks about is rarely in evidence.
    fn under_ipsec(&self) -> Fact<bool> {
        Fact::unknown("IPsec state")
    }

    /// Is anybody reading this NFQUEUE?
    fn queue_has_reader(&self, _queue: u16) -> Fact<bool> {
        Fact::unknown("readers of the queue")
    }

    /// A sysctl's value, by dotted key; absent where the kernel has no such key.
    fn sysctl(&self, _key: &str) -> Fact<String> {
        Fact::unknown("sysctl")
    }

    /// Has this host thrown a packet of that protocol away for its checksum in the last moment? No record of a packet that
    /// was seen tells whether its own was right.
    fn wrong_sums_lately(&self, _v6: bool, _protocol: u8) -> Fact<bool> {
        Fact::unknown("whether its checksum is right")
    }

    /// What a match keeps beside the rules, as the kernel shows it below `/proc/net`: `xt_recent/NAME`,
    /// `ipt_hashlimit/NAME`. Absent: it keeps nothing of that name.
    fn kept_by_match(&self, _file: &str) -> Fact<String> {
        Fact::unknown("what a match keeps")
    }

    /// The kernel's clock for timers, and its ticks in a second (`jiffies`, `HZ`).
    fn jiffies(&self) -> Fact<(u64, u64)> {
        Fact::unknown("jiffies")
    }

    /// How many milliseconds after the ruleset was read the packet passed; negative if it passed before. It decides
    /// whether elements of sets had expired by then, and whether rules may have changed sets in between.
    fn since_ruleset(&self) -> Fact<i64> {
        Fact::unknown("time between packet and reading of the ruleset")
    }

    /// Seconds since the epoch and the local time's offset from UTC in seconds (`sys_tz`), at the time of the packet.
    fn clock(&self) -> Fact<(i64, i32)> {
        Fact::unknown("time of day")
    }
}

/// A host of which nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Environment for Nowhere {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    fn methods(text: &'static str) -> BTreeSet<&'static str> {
        let of = |l: &'static str| l.strip_prefix("    fn ")?.split_once('(').map(|(name, _)| name);
        text.lines().filter_map(of).collect()
    }

    /// A method with a default that is not handed on would make a fact unknown, or one that holds forgotten.
    #[test]
    fn every_fact_of_an_environment_is_handed_on() {
        let (_, body) = include_str!("environment.rs").split_once("pub trait Environment {").unwrap_or_default();
        let (body, _) = body.split_once("\n}\n").unwrap_or_default();
        assert!(!methods(body).is_empty());
        // A host knows neither of a ruleset.
        let of_rules = ["ipsets", "since_ruleset"];
        for (file, text, but) in [
            ("asked.rs", include_str!("asked.rs"), &[][..]),
            ("present.rs", include_str!("../explain/present.rs"), &[]),
            ("host/environment.rs", include_str!("../host/environment.rs"), &of_rules),
        ] {
            let there = methods(text);
            let missing: Vec<_> =
                methods(body).into_iter().filter(|m| !there.contains(m) && !but.contains(m)).collect();
            assert!(missing.is_empty(), "{file}: {missing:?}");
        }
    }
}
