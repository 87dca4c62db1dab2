//! A host described by data, for tests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use super::facts::{CgroupProgram, Host, Program, Usage};
use crate::evaluate::Fact;
use crate::sys::ct::{CpuStats, Expectation, Flow, Status, Tuple, Zone};
use crate::sys::diag::{Ends, InetSocket, Protocol, SocketState};
use crate::sys::rt::{
    Address, Link, LinkFlags, Lookup, Neighbour, NeighbourTable, NextHop, Policy, Prefix, Qdisc, Route, RouteKind,
    Rule, TcFilter,
};

/// A host that is nothing but what is put into it. Lookups are answered by its own routes and rules, as the kernel
/// would; [`answers`](Self::answers) stand in for a kernel that knows better.
#[derive(Debug, Clone, Default)]
pub struct FakeHost {
    /// Settings by key. What is not there is absent.
    pub sysctls: HashMap<String, String>,
    /// Interfaces.
    pub links: Vec<Link>,
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Policy routing rules of both families.
    pub rules: Vec<Rule>,
    /// Routes of all tables.
    pub routes: Vec<Route>,
    /// What the kernel answers to a lookup, in place of the routes.
    pub answers: HashMap<Lookup, Result<Route, i32>>,
    /// Sockets.
    pub sockets: Vec<(Protocol, InetSocket)>,
    /// Tracked connections.
    pub flows: Vec<Flow>,
    /// What they announced.
    pub expectations: Vec<Expectation>,
    /// How full the conntrack table is.
    pub usage: Option<Usage>,
    /// Neighbours.
    pub neighbours: Vec<Neighbour>,
    /// Neighbour tables.
    pub neighbour_tables: Vec<NeighbourTable>,
    /// What conntrack has counted.
    pub conntrack_stats: Vec<CpuStats>,
    /// IPsec policies, in order.
    pub policies: Vec<Policy>,
    /// Filters of traffic control, by interface and whether they are at its egress.
    pub tc_filters: HashMap<(u32, bool), Vec<TcFilter>>,
    /// Queueing disciplines.
    pub qdiscs: Vec<Qdisc>,
    /// BPF programs at control groups.
    pub cgroup_programs: Vec<CgroupProgram>,
    /// Settings of the first namespace, where this is another one.
    pub first_namespace: Option<HashMap<String, String>>,
    /// Files of `/proc/net`.
    pub proc_net: HashMap<String, String>,
    /// Files in which rules were saved.
    pub saved: HashMap<String, String>,
}

impl FakeHost {
    /// A host with the three rules that every kernel begins with, a loopback, the usual settings and nothing else.
    pub fn new() -> Self {
        let mut host = Self::default();
        for family in [nix::libc::AF_INET, nix::libc::AF_INET6] {
            host.rules
                .extend([(0, 255), (32766, 254), (32767, 253)].map(|(n, table)| Rule::lookup(family as u8, n, table)));
        }
        for (key, value) in [("checksum", 1), ("tcp_loose", 1), ("tcp_be_liberal", 0)] {
            host.set(&format!("net.netfilter.nf_conntrack_{key}"), value);
        }
        host.usage = Some(Usage { count: 0, max: 65536 });
        host.set("net.ipv4.ip_forward", 0).set("net.ipv4.conf.all.forwarding", 0);
        host.set("net.ipv6.conf.all.forwarding", 0);
        for name in ["rp_filter", "accept_local", "route_localnet", "src_valid_mark", "send_redirects"] {
            host.set(&format!("net.ipv4.conf.all.{name}"), 0);
        }
        host.add_link(1, "lo", LinkFlags::UP | LinkFlags::LOOPBACK | LinkFlags::RUNNING).add_address(1, "127.0.0.1/8");
        host
    }

    /// Sets a setting.
    pub fn set(&mut self, key: &str, value: i64) -> &mut Self {
        self.sysctls.insert(key.into(), value.to_string());
        self
    }

    /// Adds an interface with its settings, all off.
    pub fn add_link(&mut self, index: u32, name: &str, flags: LinkFlags) -> &mut Self {
        self.links.push(Link { index, name: name.into(), flags, mtu: 1500, ..Link::default() });
        for key in ["forwarding", "rp_filter", "accept_local", "route_localnet", "src_valid_mark", "send_redirects"] {
            self.set(&super::sysctl::conf("ipv4", name, key), 0);
        }
        for (key, value) in [("forwarding", 0), ("disable_ipv6", 0), ("mtu", 1500)] {
            self.set(&super::sysctl::conf("ipv6", name, key), value);
        }
        self
    }

    /// Adds an address (`192.0.2.1/24`) and the routes that come with it. A text that is none is left out.
    pub fn add_address(&mut self, index: u32, address: &str) -> &mut Self {
        let Ok(local) = address.parse::<Prefix>() else { return self };
        self.addresses.push(Address { index, local, peer: None, broadcast: None, scope: 0, flags: 0, label: None });
        self.add_route(RouteKind::Local, Prefix::host(local.addr), 255, Some(index), None);
        self.add_route(RouteKind::Unicast, local, 254, Some(index), None)
    }

    /// Adds a route.
    pub fn add_route(
        &mut self,
        kind: RouteKind,
        dst: Prefix,
        table: u32,
        oif: Option<u32>,
        gateway: Option<IpAddr>,
    ) -> &mut Self {
        let hops = oif.map(|oif| NextHop { oif: Some(oif), gateway, flags: 0 }).into_iter().collect();
        self.routes.push(Route { dst, table, hops, ..Route::bare(kind, dst.addr) });
        self
    }

    /// Adds a socket that takes packets from anybody.
    pub fn listen(&mut self, protocol: Protocol, addr: IpAddr, port: u16) -> &mut Self {
        let state = if protocol == Protocol::Tcp { SocketState::Listen } else { SocketState::Close };
        self.sockets.push((protocol, InetSocket::bound(state, addr, port)));
        self
    }
}

impl Host for FakeHost {
    fn sysctl(&self, key: &str) -> Fact<String> {
        self.sysctls.get(key).cloned().into()
    }

    fn links(&self) -> Fact<Rc<[Link]>> {
        Fact::Is(self.links.as_slice().into())
    }

    fn addresses(&self) -> Fact<Rc<[Address]>> {
        Fact::Is(self.addresses.as_slice().into())
    }

    fn rules(&self, v6: bool) -> Fact<Rc<[Rule]>> {
        let family = if v6 { nix::libc::AF_INET6 } else { nix::libc::AF_INET } as u8;
        let mut rules: Vec<_> = self.rules.iter().filter(|r| r.family == family).cloned().collect();
        rules.sort_by_key(|r| r.priority);
        Fact::Is(rules.into())
    }

    fn routes_to(&self, table: u32, to: IpAddr) -> Fact<Rc<[Route]>> {
        let mut routes: Vec<_> =
            self.routes.iter().filter(|r| r.table == table && r.dst.contains(to)).cloned().collect();
        routes.sort_by_key(|r| (std::cmp::Reverse(r.dst.len), r.priority));
        Fact::Is(routes.into())
    }

    fn all_routes(&self, v6: bool) -> Fact<Rc<[Route]>> {
        Fact::Is(self.routes.iter().filter(|r| r.dst.addr.is_ipv6() == v6).cloned().collect())
    }

    fn lookup(&self, question: &Lookup) -> Fact<Result<Rc<Route>, i32>> {
        self.answers.get(question).map(|a| a.clone().map(Rc::new)).into()
    }

    fn socket(&self, protocol: Protocol, ends: &Ends) -> Fact<InetSocket> {
        let fits = |s: &&InetSocket| {
            let connected = s.peer_port != 0;
            s.port == ends.dst.1
                && s.takes(ends.dst.0) == Some(true)
                && (s.interface == 0 || s.interface == ends.iif)
                && (!connected || (s.peer, s.peer_port) == ends.src)
        };
        let all = self.sockets.iter().filter(|(p, _)| *p == protocol).map(|(_, s)| s);
        all.filter(fits).max_by_key(|s| (s.peer_port != 0, !s.is_wildcard())).cloned().into()
    }

    fn listeners(&self, protocol: Protocol, port: u16) -> Fact<Rc<[InetSocket]>> {
        let all =
            self.sockets.iter().filter(|(p, s)| *p == protocol && (port == 0 || s.port == port) && s.peer_port == 0);
        Fact::Is(all.map(|(_, s)| s.clone()).collect())
    }

    fn half_open(&self, port: u16) -> Fact<Rc<[InetSocket]>> {
        let all = self.sockets.iter().filter(|(_, s)| s.state == SocketState::SynRecv && s.port == port);
        Fact::Is(all.map(|(_, s)| s.clone()).collect())
    }

    fn flow(&self, tuple: &Tuple, zone: Zone) -> Fact<Arc<Flow>> {
        let same = |f: &&Flow| {
            f.is_reply(tuple).is_some_and(|reply| f.in_zone().in_direction(reply) == zone.in_direction(reply))
        };
        self.flows.iter().find(same).cloned().map(Arc::new).into()
    }

    fn flows(&self, each: &mut dyn FnMut(&Flow)) -> Fact<()> {
        self.flows.iter().for_each(each);
        Fact::Is(())
    }

    fn conntrack_stats(&self) -> Fact<Rc<[CpuStats]>> {
        Fact::Is(self.conntrack_stats.as_slice().into())
    }

    fn has_unassured_flows(&self) -> Fact<bool> {
        Fact::Is(self.flows.iter().any(|f| !f.status.unwrap_or_default().contains(Status::ASSURED)))
    }

    fn expectations(&self) -> Fact<Rc<[Expectation]>> {
        Fact::Is(self.expectations.as_slice().into())
    }

    fn conntrack_usage(&self) -> Fact<Usage> {
        self.usage.into()
    }

    fn neighbour(&self, oif: u32, addr: IpAddr) -> Fact<Neighbour> {
        self.neighbours.iter().find(|n| n.index == oif && n.addr == addr).cloned().into()
    }

    fn neighbours(&self) -> Fact<Rc<[Neighbour]>> {
        Fact::Is(self.neighbours.as_slice().into())
    }

    fn neighbour_tables(&self) -> Fact<Rc<[NeighbourTable]>> {
        Fact::Is(self.neighbour_tables.as_slice().into())
    }

    fn qdiscs(&self) -> Fact<Rc<[Qdisc]>> {
        Fact::Is(self.qdiscs.as_slice().into())
    }

    fn tc_filters(&self, index: u32, egress: bool) -> Fact<Rc<[TcFilter]>> {
        Fact::Is(self.tc_filters.get(&(index, egress)).map_or_else(|| [].into(), |f| f.as_slice().into()))
    }

    fn tcx_programs(&self, _index: u32, _egress: bool) -> Fact<Rc<[Program]>> {
        Fact::Absent
    }

    fn cgroup_programs(&self) -> Fact<Rc<[CgroupProgram]>> {
        Fact::Is(self.cgroup_programs.as_slice().into())
    }

    fn global_sysctl(&self, key: &str) -> Fact<String> {
        self.first_namespace.as_ref().unwrap_or(&self.sysctls).get(key).cloned().into()
    }

    fn is_first_namespace(&self) -> Fact<bool> {
        Fact::Is(self.first_namespace.is_none())
    }

    fn policies(&self) -> Fact<Rc<[Policy]>> {
        Fact::Is(self.policies.as_slice().into())
    }

    fn saved(&self, path: &str) -> Fact<String> {
        self.saved.get(path).cloned().into()
    }

    fn saved_in(&self, directory: &str) -> Fact<Vec<String>> {
        let names = self.saved.keys().filter_map(|p| Some(p.strip_prefix(directory)?.strip_prefix('/')?.to_owned()));
        let names: Vec<String> = names.filter(|n| !n.contains('/')).collect();
        Some(names).filter(|n| !n.is_empty()).into()
    }

    fn wrong_sums_lately(&self, _v6: bool, _protocol: u8) -> Fact<bool> {
        Fact::Is(false)
    }

    fn proc_net(&self, name: &str) -> Fact<String> {
        self.proc_net.get(name).cloned().into()
    }
}
