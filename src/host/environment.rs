//! A host as the rules of an evaluation see it.

use std::net::IpAddr;

use super::deliver::{Taker, input_policy, take};
use super::facts::Host;
use super::query::Query;
use super::route::{self, Found, Outcome, Way, resolve};
use super::track::{track, track_behind};
use super::{guarded, programs};
use crate::evaluate::environment::{
    Environment, FibAnswer, FibQuery, Link, Program, RouteType, SocketFacts, Switch, SwitchPort,
};
use crate::evaluate::{Delivery, Device, Fact, Obstacle, Packet, Routed, Tracked};
use crate::sys::ct::{L4, Status, Tuple, Zone};
use crate::sys::diag::{Ends, Protocol};
use crate::sys::rt::{self, Address, LinkFlags, RouteKind};

/// `RT_TABLE_LOCAL`.
const LOCAL: u32 = 255;

impl<H: Host> Environment for H {
    fn fib(&self, query: &FibQuery) -> Fact<FibAnswer> {
        if query.to.is_unspecified() {
            // Asked about it, the kernel takes this host itself to be meant; where a packet names it, the default route counts.
            return Fact::unknown("the route to an address that is none");
        }
        let any = if query.to.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
        let mut q = Query::new(query.from.unwrap_or(any), query.to, 0, L4::None);
        (q.protocol, q.mark, q.tos, q.oif) = (None, Fact::Is(query.mark), query.tos, query.oif.unwrap_or(0));
        let iif = query.iif.and_then(|index| Host::link(self, index).known());
        match resolve(self, &q, iif.as_ref()) {
            Ok(Found::Route(route)) => Fact::Is(answer(&Way::of(&route))),
            Ok(_) => Fact::Is(nowhere()),
            Err(why) => Fact::Unknown(why),
        }
    }

    fn way_back(&self, to: IpAddr) -> Fact<FibAnswer> {
        if to.is_unspecified() {
            return Fact::unknown("the route to an address that is none");
        }
        let any = if to.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
        let asked = Query { protocol: None, ..Query::new(any, to, 0, L4::None) };
        match route::output(self, &asked) {
            Outcome::Local(way) | Outcome::Onward(way) => Fact::Is(answer(&way)),
            Outcome::Refused(_) => Fact::Absent,
            Outcome::Unknown(why) => Fact::Unknown(why),
        }
    }

    fn address_type(&self, address: IpAddr, on: Option<u32>) -> Fact<RouteType> {
        let kind = match address {
            IpAddr::V4(a) if a.is_unspecified() || a.is_broadcast() => RouteKind::Broadcast,
            _ if address.is_multicast() => RouteKind::Multicast,
            _ => match self.routes_to(LOCAL, address) {
                Fact::Is(routes) => match routes.first() {
                    Some(r) if on.is_none_or(|dev| r.oif() == Some(dev)) => r.kind,
                    _ if address.is_ipv4() => RouteKind::Unicast,
                    // IPv6 asks the routing tables for what is not an address of its own.
                    _ => {
                        return self
                            .fib(&FibQuery { to: address, from: None, oif: on, iif: None, mark: 0, tos: 0 })
                            .map(|a| a.kind);
                    }
                },
                Fact::Absent => RouteKind::Unicast,
                Fact::Unknown(why) => return Fact::Unknown(why),
            },
        };
        Fact::Is(kind.raw())
    }

    fn link(&self, index: u32) -> Fact<Link> {
        Host::link(self, index).map(|l| Link {
            index: l.index,
            hardware: l.hardware,
            kind: l.kind.unwrap_or_default(),
            group: l.group,
            mtu: l.mtu,
            master: l.master.unwrap_or(0),
            up: l.flags.contains(LinkFlags::UP),
            address: l.address,
            name: l.name,
        })
    }

    fn switch(&self, bridge: u32) -> Fact<Switch> {
        let (own, promiscuous) = match Host::link(self, bridge) {
            Fact::Is(link) => (link.bridge.unwrap_or_default(), link.promiscuity > 0),
            Fact::Absent => return Fact::Absent,
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        let stations = Host::stations(self).map(|all| {
            // What holds in a VLAN only, matters where VLANs are filtered, which is left open.
            let own = all.iter().filter(|s| s.bridge == bridge && s.vlan == 0);
            own.map(|s| (s.address.clone(), (!s.local).then_some(s.port))).collect()
        });
        self.links().map(|all| Switch {
            vlan_filtering: own.vlan_filtering,
            calls: own.calls,
            stp: own.stp,
            snoops: own.snoops,
            promiscuous,
            group_forward: own.group_forward,
            stations: stations.clone(),
            ports: all.iter().filter(|l| l.master == Some(bridge)).map(switch_port).collect(),
        })
    }

    fn link_index(&self, name: &[u8]) -> Fact<u32> {
        self.link_named(name).map(|l| l.index)
    }

    fn socket(&self, protocol: u8, from: (IpAddr, u16), to: (IpAddr, u16)) -> Fact<SocketFacts> {
        let Some(protocol) = Protocol::from_number(protocol) else { return Fact::Absent };
        Host::socket(self, protocol, &Ends { src: from, dst: to, iif: 0 }).map(|s| SocketFacts {
            transparent: s.transparent.map_or_else(|| Fact::unknown("IP_TRANSPARENT of the socket"), Fact::Is),
            mark: s.mark.map_or_else(|| Fact::unknown("mark of the socket"), Fact::Is),
            wildcard: s.is_wildcard(),
            uid: Fact::Is(s.uid),
            cgroup: s.cgroup.map_or_else(|| Fact::unknown("cgroup of the socket"), |id| self.cgroup(id)),
        })
    }

    fn masquerade_address(&self, device: u32, towards: IpAddr) -> Fact<IpAddr> {
        let all = match self.addresses() {
            Fact::Is(all) => all,
            Fact::Absent => return Fact::Absent,
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        if towards.is_ipv6() {
            return ipv6_source(&all, device, towards);
        }
        // `inet_select_addr`: the first global address of the device whose prefix holds the next hop, else the first;
        // without any, the first of another device.
        let usable = |a: &&Address| a.local.addr.is_ipv4() && a.scope == 0 && a.flags & nix::libc::IFA_F_SECONDARY == 0;
        let own = || all.iter().filter(usable).filter(|a| a.index == device);
        let found = own().find(|a| a.local.contains(towards)).or_else(|| own().next());
        found.or_else(|| all.iter().find(usable)).map(|a| a.local.addr).into()
    }

    fn device_with(&self, address: IpAddr) -> Fact<u32> {
        match self.addresses() {
            Fact::Is(all) => all.iter().find(|a| a.local.addr == address).map(|a| a.index).into(),
            Fact::Absent => Fact::Absent,
            Fact::Unknown(why) => Fact::Unknown(why),
        }
    }

    fn redirect_address(&self, device: u32, destination: IpAddr) -> Fact<IpAddr> {
        let all = match self.addresses() {
            Fact::Is(all) => all,
            Fact::Absent => return Fact::Absent,
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        let fits = |a: &&Address| match (a.local.addr, destination) {
            (IpAddr::V4(_), IpAddr::V4(_)) => true,
            (IpAddr::V6(own), IpAddr::V6(to)) => {
                !a.is_tentative() && own.is_unicast_link_local() == to.is_unicast_link_local()
            }
            _ => false,
        };
        all.iter().filter(|a| a.index == device).find(fits).map(|a| a.local.addr).into()
    }

    fn same_source(&self, tuple: &Tuple, zone: Zone) -> Fact<Vec<Tuple>> {
        let mut all = Vec::new();
        let read = self.flows(&mut |flow| {
            let o = &flow.orig;
            let same = o.protocol == tuple.protocol && o.src == tuple.src && port(o) == port(tuple);
            let translated = flow.status.is_some_and(|s| s.contains(Status::SRC_NAT_DONE));
            let zones = flow.in_zone().in_direction(false) == zone.in_direction(false);
            if let Some(far) = flow.reply.inverted().filter(|_| same && translated && zones) {
                let far = Tuple { dst: tuple.dst, ..far };
                if !all.contains(&far) {
                    all.push(far);
                }
            }
        });
        match read {
            Fact::Unknown(why) => Fact::Unknown(why),
            _ => Fact::from(Some(all).filter(|all| !all.is_empty())),
        }
    }

    fn tuple_taken(&self, tuple: &Tuple, zone: Zone) -> Fact<bool> {
        match self.flow(tuple, zone) {
            Fact::Is(_) => Fact::Is(true),
            Fact::Absent => Fact::Is(false),
            Fact::Unknown(why) => Fact::Unknown(why),
        }
    }

    fn route_input(&self, packet: &Packet) -> Fact<Routed> {
        let Some(q) = Query::of(packet) else { return Fact::unknown("addresses of the packet") };
        match &packet.iif {
            Fact::Unknown(why) => Fact::Unknown(why.clone()),
            Fact::Absent => Fact::unknown("interface that the packet came in by"),
            Fact::Is(_) => routed(self, route::input(self, &q)),
        }
    }

    fn route_output(&self, packet: &Packet) -> Fact<Routed> {
        let Some(q) = Query::of(packet) else { return Fact::unknown("addresses of the packet") };
        routed(self, route::output(self, &Query { iif: 0, ..q }))
    }

    fn input_policy(&self, packet: &Packet) -> Fact<Obstacle> {
        let Some(q) = Query::of(packet) else { return Fact::unknown("addresses of the packet") };
        input_policy(self, &q).map(Obstacle::from)
    }

    fn deliver(&self, packet: &Packet) -> Fact<Delivery> {
        let Some(q) = Query::of(packet) else { return Fact::unknown("addresses of the packet") };
        take(self, &q).map(|taker| match taker {
            Taker::Socket(s) => {
                let who = format!("socket {}:{} of uid {}", s.addr, s.port, s.uid);
                match guarded::refused(self, packet, &s).or_else(|| programs::in_front(self, &s)) {
                    Some(o) if o.unless.is_none() => Delivery::Lost(o),
                    Some(o) => Delivery::Unless(who, o),
                    None => Delivery::Taken(who),
                }
            }
            Taker::Kernel(part) => Delivery::Taken(part.to_owned()),
            Taker::Nobody(refusal) => Delivery::Lost((*refusal).into()),
        })
    }

    fn forward(&self, packet: &Packet) -> Fact<Obstacle> {
        match onward(packet) {
            Ok((q, way)) => route::forward(self, &q, &way).map(Obstacle::from),
            Err(why) => Fact::unknown(why),
        }
    }

    fn leave(&self, packet: &Packet) -> Fact<Obstacle> {
        match onward(packet) {
            Ok((q, way)) => route::leave(self, &q, &way).map(Obstacle::from),
            Err(why) => Fact::unknown(why),
        }
    }

    fn programs(&self, device: u32, out: bool) -> Fact<Vec<Program>> {
        programs::at_device(self, device, out)
    }

    fn sent_through(&self, packet: &Packet) -> Fact<Vec<Program>> {
        let owner = match &packet.owner {
            Fact::Is(owner) => owner.cgroup.clone().map_or_else(|| Fact::unknown("cgroup of the socket"), Fact::Is),
            Fact::Absent => return Fact::Absent,
            Fact::Unknown(what) => Fact::Unknown(what.clone()),
        };
        programs::of_groups(self, &owner, "egress")
    }

    fn track(&self, packet: &Packet) -> Fact<Tracked> {
        track(self, packet)
    }

    fn track_behind(&self, packet: &Packet) -> Fact<Tracked> {
        track_behind(self, packet)
    }

    fn under_ipsec(&self) -> Fact<bool> {
        let no_policies = self.policies().known().is_none_or(|all| all.is_empty());
        match self.has_ipsec_states() {
            Fact::Is(false) | Fact::Absent if no_policies && !self.policies().is_unknown() => Fact::Is(false),
            _ => Fact::unknown("IPsec state"),
        }
    }

    fn queue_has_reader(&self, queue: u16) -> Fact<bool> {
        // Each line begins with the number of a queue that somebody has bound.
        match self.proc_net("netfilter/nfnetlink_queue") {
            Fact::Is(text) => {
                let mut numbers = text.lines().filter_map(|l| l.split_ascii_whitespace().next());
                Fact::Is(numbers.any(|n| n.parse() == Ok(queue)))
            }
            Fact::Absent => Fact::Is(false),
            Fact::Unknown(why) => Fact::Unknown(why),
        }
    }

    fn sysctl(&self, key: &str) -> Fact<String> {
        Host::sysctl(self, key)
    }

    fn wrong_sums_lately(&self, v6: bool, protocol: u8) -> Fact<bool> {
        Host::wrong_sums_lately(self, v6, protocol)
    }

    fn kept_by_match(&self, file: &str) -> Fact<String> {
        self.proc_net(file)
    }

    fn jiffies(&self) -> Fact<(u64, u64)> {
        Host::jiffies(self)
    }

    fn clock(&self) -> Fact<(i64, i32)> {
        Host::clock(self)
    }
}

fn switch_port(l: &rt::Link) -> SwitchPort {
    let port = l.port.unwrap_or_default();
    SwitchPort {
        device: Device { index: l.index, name: Fact::Is(l.name.clone()) },
        address: l.address.clone(),
        up: l.is_running(),
        state: port.state,
        isolated: port.isolated,
        hairpin: port.hairpin,
        learns: port.learns,
        floods: port.floods,
        proxy_arp: port.proxy_arp,
        locked: port.locked,
        group_forward: port.group_forward,
        mtu: l.mtu,
    }
}

/// `RTN_UNREACHABLE`, for no route.
fn nowhere() -> FibAnswer {
    FibAnswer { kind: RouteKind::Unreachable.raw(), oif: 0, ..FibAnswer::default() }
}

fn answer(way: &Way) -> FibAnswer {
    FibAnswer {
        kind: way.kind.raw(),
        oif: way.oif,
        gateway: way.gateway,
        source: way.prefsrc,
        mtu: way.mtu,
        mtu_locked: way.mtu_locked,
        realm: way.realm,
    }
}

/// A routed packet and its way.
fn onward(packet: &Packet) -> Result<(Query, Way), &'static str> {
    let q = Query::of(packet).ok_or("addresses of the packet")?;
    let Fact::Is(oif) = &packet.oif else { return Err("interface that the packet leaves by") };
    if packet.route.is_unknown() {
        return Err("next hop");
    }
    let route = packet.route.value();
    let way = Way {
        kind: RouteKind::Unicast,
        oif: oif.index,
        gateway: route.and_then(|r| r.gateway),
        prefsrc: None,
        table: 0,
        mtu: route.and_then(|r| r.mtu),
        mtu_locked: route.is_some_and(|r| r.mtu_locked),
        realm: None,
    };
    Ok((q, way))
}

fn routed<H: Host>(host: &H, outcome: Outcome) -> Fact<Routed> {
    match outcome {
        Outcome::Local(way) => Fact::Is(Routed::Local(answer(&way))),
        Outcome::Onward(way) => {
            let name = match Host::link(host, way.oif) {
                Fact::Is(link) => Fact::Is(link.name),
                _ => Fact::unknown("name of the interface"),
            };
            Fact::Is(Routed::Out { oif: Device { index: way.oif, name }, route: answer(&way) })
        }
        Outcome::Refused(refusal) => Fact::Is(Routed::Lost((*refusal).into())),
        Outcome::Unknown(why) => Fact::Unknown(why),
    }
}

/// `ipv6_dev_get_saddr`, as far as it can be told without the kernel's preferences: the destination itself if it is here,
/// else the one address of the device that could be it.
fn ipv6_source(all: &[Address], device: u32, towards: IpAddr) -> Fact<IpAddr> {
    let IpAddr::V6(to) = towards else { return Fact::Absent };
    const OUT: u32 = nix::libc::IFA_F_TENTATIVE | nix::libc::IFA_F_DADFAILED | nix::libc::IFA_F_DEPRECATED;
    let own = |a: &&Address| match a.local.addr {
        IpAddr::V6(own) => a.flags & OUT == 0 && own.is_unicast_link_local() == to.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    };
    if all.iter().filter(own).any(|a| a.local.addr == towards && !(to.is_unicast_link_local() && a.index != device)) {
        return Fact::Is(towards);
    }
    let mut fitting = all.iter().filter(own).filter(|a| a.index == device && !a.local.addr.is_loopback());
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Fact::Is(one.local.addr),
        _ => Fact::unknown("IPv6 source address that the kernel would choose"),
    }
}

/// What tells the source of a tuple from others of its address: a port, or the id of ICMP.
fn port(t: &Tuple) -> Option<u16> {
    match t.l4 {
        L4::Icmp { id, .. } => Some(id),
        _ => t.src_port(),
    }
}
