//! Whether the host was asked for anything: an answer that needed it holds only as long as the host stays the same.

use std::cell::Cell;
use std::net::IpAddr;

use super::environment::{Environment, FibAnswer, FibQuery, Link, Program, RouteType, SocketFacts, Switch};
use super::fact::Fact;
use super::obstacle::{Delivery, Obstacle, Routed, Tracked};
use super::packet::Packet;
use crate::ruleset::ipset::IpSets;
use crate::sys::ct::{Tuple, Zone};

/// A host, and whether it was asked.
pub struct Asked<'a> {
    host: &'a dyn Environment,
    asked: Cell<bool>,
}

impl<'a> Asked<'a> {
    /// It was not, so far.
    pub fn new(host: &'a dyn Environment) -> Self {
        Self { host, asked: Cell::new(false) }
    }

    /// Was it, since this was last asked?
    pub fn take(&self) -> bool {
        self.asked.replace(false)
    }

    fn host(&self) -> &'a dyn Environment {
        self.asked.set(true);
        self.host
    }
}

impl Environment for Asked<'_> {
    fn fib(&self, query: &FibQuery) -> Fact<FibAnswer> {
        self.host().fib(query)
    }

    fn way_back(&self, to: IpAddr) -> Fact<FibAnswer> {
        self.host().way_back(to)
    }

    fn address_type(&self, address: IpAddr, on: Option<u32>) -> Fact<RouteType> {
        self.host().address_type(address, on)
    }

    fn link(&self, index: u32) -> Fact<Link> {
        self.host().link(index)
    }

    fn switch(&self, bridge: u32) -> Fact<Switch> {
        self.host().switch(bridge)
    }

    fn link_index(&self, name: &[u8]) -> Fact<u32> {
        self.host().link_index(name)
    }

    fn socket(&self, protocol: u8, from: (IpAddr, u16), to: (IpAddr, u16)) -> Fact<SocketFacts> {
        self.host().socket(protocol, from, to)
    }

    fn masquerade_address(&self, device: u32, towards: IpAddr) -> Fact<IpAddr> {
        self.host().masquerade_address(device, towards)
    }

    fn device_with(&self, address: IpAddr) -> Fact<u32> {
        self.host().device_with(address)
    }

    fn redirect_address(&self, device: u32, destination: IpAddr) -> Fact<IpAddr> {
        self.host().redirect_address(device, destination)
    }

    /// Left open: to find out, the whole table would have to be read for each new connection.
    fn same_source(&self, _: &Tuple, _: Zone) -> Fact<Vec<Tuple>> {
        Fact::unknown("other connections from its source")
    }

    fn tuple_taken(&self, tuple: &Tuple, zone: Zone) -> Fact<bool> {
        self.host().tuple_taken(tuple, zone)
    }

    fn route_input(&self, packet: &Packet) -> Fact<Routed> {
        self.host().route_input(packet)
    }

    fn route_output(&self, packet: &Packet) -> Fact<Routed> {
        self.host().route_output(packet)
    }

    fn deliver(&self, packet: &Packet) -> Fact<Delivery> {
        self.host().deliver(packet)
    }

    fn input_policy(&self, packet: &Packet) -> Fact<Obstacle> {
        self.host().input_policy(packet)
    }

    fn forward(&self, packet: &Packet) -> Fact<Obstacle> {
        self.host().forward(packet)
    }

    fn leave(&self, packet: &Packet) -> Fact<Obstacle> {
        self.host().leave(packet)
    }

    fn programs(&self, device: u32, out: bool) -> Fact<Vec<Program>> {
        self.host().programs(device, out)
    }

    fn sent_through(&self, packet: &Packet) -> Fact<Vec<Program>> {
        self.host().sent_through(packet)
    }

    fn track(&self, packet: &Packet) -> Fact<Tracked> {
        self.host().track(packet)
    }

    fn track_behind(&self, packet: &Packet) -> Fact<Tracked> {
        self.host().track_behind(packet)
    }

    fn ipsets(&self) -> Option<&IpSets> {
        self.host().ipsets()
    }

    fn under_ipsec(&self) -> Fact<bool> {
        self.host().under_ipsec()
    }

    fn queue_has_reader(&self, queue: u16) -> Fact<bool> {
        self.host().queue_has_reader(queue)
    }

    fn sysctl(&self, key: &str) -> Fact<String> {
        self.host().sysctl(key)
    }

    fn since_ruleset(&self) -> Fact<i64> {
        self.host().since_ruleset()
    }

    fn wrong_sums_lately(&self, v6: bool, protocol: u8) -> Fact<bool> {
        self.host().wrong_sums_lately(v6, protocol)
    }

    fn kept_by_match(&self, file: &str) -> Fact<String> {
        self.host().kept_by_match(file)
    }

    fn jiffies(&self) -> Fact<(u64, u64)> {
        self.host().jiffies()
    }

    fn clock(&self) -> Fact<(i64, i32)> {
        self.host().clock()
    }
}
