//! A host with some settings changed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use super::entry::Entry;
use crate::evaluate::Fact;
use crate::host::{CgroupProgram, Host, Program, Usage};
use crate::sys::Text;
use crate::sys::ct::{CpuStats, Expectation, Flow, Tuple, Zone};
use crate::sys::diag::{Ends, InetSocket, Protocol};
use crate::sys::rt::{Address, Link, Lookup, Neighbour, NeighbourTable, Policy, Qdisc, Route, Rule, Station, TcFilter};

/// A host as it would be with other settings. Everything else is its own.
#[derive(Clone)]
pub struct Patched<'h> {
    host: &'h dyn Host,
    settings: BTreeMap<String, String>,
    without: Vec<Entry>,
}

impl<'h> Patched<'h> {
    /// The host as it is.
    pub fn new(host: &'h dyn Host) -> Self {
        Self { host, settings: BTreeMap::new(), without: Vec::new() }
    }

    /// Lays a setting over it.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(key.to_owned(), value.to_owned());
    }

    /// Takes an entry away.
    pub fn without(&mut self, what: Entry) {
        self.without.push(what);
    }

    fn has_route(&self, route: &Route) -> bool {
        !self.without.iter().any(|w| matches!(w, Entry::Route(gone) if **gone == *route))
    }

    fn routes(&self, all: Fact<Rc<[Route]>>) -> Fact<Rc<[Route]>> {
        if self.without.is_empty() { all } else { all.map(|all| kept(&all, |r| self.has_route(r))) }
    }

    /// What a setting for all interfaces does to that of one: forwarding is handed on when it is written
    /// (`inet_forward_change`, `addrconf_forward_change`).
    fn handed_on(&self, key: &str) -> Option<&String> {
        let (family, setting) = key.strip_prefix("net.")?.split_once(".conf.")?;
        if !setting.ends_with(".forwarding") {
            return None;
        }
        let v4 = || self.settings.get("net.ipv4.ip_forward").filter(|_| family == "ipv4");
        self.settings.get(&format!("net.{family}.conf.all.forwarding")).or_else(v4)
    }
}

fn kept<T: Clone>(all: &[T], keep: impl Fn(&T) -> bool) -> Rc<[T]> {
    all.iter().filter(|t| keep(t)).cloned().collect()
}

impl Host for Patched<'_> {
    fn sysctl(&self, key: &str) -> Fact<String> {
        match self.settings.get(key).or_else(|| self.handed_on(key)) {
            Some(value) => Fact::Is(value.clone()),
            None => self.host.sysctl(key),
        }
    }

    /// The kernel answers by the settings, rules and routes that it has.
    fn lookup(&self, question: &Lookup) -> Fact<Result<Rc<Route>, i32>> {
        if self.settings.is_empty() && self.without.is_empty() { self.host.lookup(question) } else { Fact::Absent }
    }

    fn links(&self) -> Fact<Rc<[Link]>> {
        self.host.links()
    }

    fn addresses(&self) -> Fact<Rc<[Address]>> {
        self.host.addresses()
    }

    fn rules(&self, v6: bool) -> Fact<Rc<[Rule]>> {
        let gone = |rule: &Rule| self.without.iter().any(|w| matches!(w, Entry::Rule(gone) if **gone == *rule));
        let all = self.host.rules(v6);
        if self.without.is_empty() { all } else { all.map(|all| kept(&all, |r| !gone(r))) }
    }

    fn routes_to(&self, table: u32, to: IpAddr) -> Fact<Rc<[Route]>> {
        self.routes(self.host.routes_to(table, to))
    }

    fn all_routes(&self, v6: bool) -> Fact<Rc<[Route]>> {
        self.routes(self.host.all_routes(v6))
    }

    fn socket(&self, protocol: Protocol, ends: &Ends) -> Fact<InetSocket> {
        self.host.socket(protocol, ends)
    }

    fn listeners(&self, protocol: Protocol, port: u16) -> Fact<Rc<[InetSocket]>> {
        self.host.listeners(protocol, port)
    }

    fn half_open(&self, port: u16) -> Fact<Rc<[InetSocket]>> {
        self.host.half_open(port)
    }

    fn flow(&self, tuple: &Tuple, zone: Zone) -> Fact<Arc<Flow>> {
        self.host.flow(tuple, zone)
    }

    fn flows(&self, each: &mut dyn FnMut(&Flow)) -> Fact<()> {
        self.host.flows(each)
    }

    fn conntrack_stats(&self) -> Fact<Rc<[CpuStats]>> {
        self.host.conntrack_stats()
    }

    fn has_unassured_flows(&self) -> Fact<bool> {
        self.host.has_unassured_flows()
    }

    fn expectations(&self) -> Fact<Rc<[Expectation]>> {
        self.host.expectations()
    }

    fn conntrack_usage(&self) -> Fact<Usage> {
        let max = self.settings.get("net.netfilter.nf_conntrack_max").and_then(|max| max.parse().ok());
        self.host.conntrack_usage().map(|usage| Usage { max: max.unwrap_or(usage.max), ..usage })
    }

    fn neighbour(&self, oif: u32, addr: IpAddr) -> Fact<Neighbour> {
        self.host.neighbour(oif, addr)
    }

    fn neighbours(&self) -> Fact<Rc<[Neighbour]>> {
        self.host.neighbours()
    }

    fn stations(&self) -> Fact<Rc<[Station]>> {
        self.host.stations()
    }

    fn neighbour_tables(&self) -> Fact<Rc<[NeighbourTable]>> {
        self.host.neighbour_tables()
    }

    fn policies(&self) -> Fact<Rc<[Policy]>> {
        let gone = |policy: &Policy| self.without.iter().any(|w| matches!(w, Entry::Policy(gone) if **gone == *policy));
        let all = self.host.policies();
        if self.without.is_empty() { all } else { all.map(|all| kept(&all, |p| !gone(p))) }
    }

    fn tc_filters(&self, index: u32, egress: bool) -> Fact<Rc<[TcFilter]>> {
        self.host.tc_filters(index, egress)
    }

    fn qdiscs(&self) -> Fact<Rc<[Qdisc]>> {
        self.host.qdiscs()
    }

    fn has_ipsec_states(&self) -> Fact<bool> {
        self.host.has_ipsec_states()
    }

    fn tcx_programs(&self, index: u32, egress: bool) -> Fact<Rc<[Program]>> {
        self.host.tcx_programs(index, egress)
    }

    fn cgroup_programs(&self) -> Fact<Rc<[CgroupProgram]>> {
        self.host.cgroup_programs()
    }

    fn cgroup(&self, id: u64) -> Fact<Text> {
        self.host.cgroup(id)
    }

    fn wrong_sums_lately(&self, v6: bool, protocol: u8) -> Fact<bool> {
        self.host.wrong_sums_lately(v6, protocol)
    }

    fn proc_net(&self, name: &str) -> Fact<String> {
        self.host.proc_net(name)
    }

    fn global_sysctl(&self, key: &str) -> Fact<String> {
        match self.settings.get(key) {
            Some(value) => Fact::Is(value.clone()),
            None => self.host.global_sysctl(key),
        }
    }

    fn is_first_namespace(&self) -> Fact<bool> {
        self.host.is_first_namespace()
    }

    fn saved(&self, path: &str) -> Fact<String> {
        self.host.saved(path)
    }

    fn saved_in(&self, directory: &str) -> Fact<Vec<String>> {
        self.host.saved_in(directory)
    }

    fn jiffies(&self) -> Fact<(u64, u64)> {
        self.host.jiffies()
    }

    fn clock(&self) -> Fact<(i64, i32)> {
        self.host.clock()
    }

    fn link(&self, index: u32) -> Fact<Link> {
        self.host.link(index)
    }

    fn link_named(&self, name: &[u8]) -> Fact<Link> {
        self.host.link_named(name)
    }
}

#[cfg(test)]
mod tests {
    /// A method with a default that is not handed on would make a fact unknown.
    #[test]
    fn every_fact_of_a_host_is_handed_on() {
        let methods = |text: &'static str| {
            let of = |l: &'static str| l.trim_start().strip_prefix("fn ")?.split_once('(').map(|(name, _)| name);
            text.lines().filter_map(of).collect::<std::collections::BTreeSet<_>>()
        };
        let (_, body) = include_str!("../host/facts.rs").split_once("pub trait Host {").unwrap_or_default();
        let (body, _) = body.split_once("\n}\n").unwrap_or_default();
        let missing: Vec<_> = methods(body).difference(&methods(include_str!("patched.rs"))).copied().collect();
        assert!(!methods(body).is_empty() && missing.is_empty(), "{missing:?}");
    }
}
