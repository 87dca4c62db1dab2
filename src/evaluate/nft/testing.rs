//! Small tables and packets for the tests of expressions.

use crate::evaluate::environment::{FibAnswer, FibQuery, Link, SocketFacts};
use crate::evaluate::place::{ChainRef, TableRef};
use crate::evaluate::traversal::{Begin, Ended, Tried};
use crate::evaluate::{Assumptions, Context, Device, Environment, Fact, Hook, Network, Packet};
use crate::ruleset::Backend;
use crate::ruleset::index::TableIndex;
use crate::ruleset::nft::{Chain, Set, Table};
use crate::sys::Text;
use crate::sys::ct::{Tuple, Zone};
use crate::sys::nft as wire;
use crate::sys::nft::expr::{Expr, Immediate};
use crate::sys::nft::{Data, Element, Family, Reg, SetFlags, Value, Verdict};

use super::info::PacketInfo;
use super::machine::Machine;

/// A host that knows what its fields say.
#[derive(Debug, Clone, Default)]
pub struct Host {
    pub links: Vec<Link>,
    pub fib: Option<FibAnswer>,
    pub clock: Option<(i64, i32)>,
    pub socket: Option<SocketFacts>,
    pub since: Option<i64>,
    pub ipsec: Option<bool>,
}

impl Environment for Host {
    fn link(&self, index: u32) -> Fact<Link> {
        self.links.iter().find(|l| l.index == index).cloned().into()
    }

    fn same_source(&self, _: &Tuple, _: Zone) -> Fact<Vec<Tuple>> {
        Fact::Absent
    }

    fn fib(&self, _: &FibQuery) -> Fact<FibAnswer> {
        self.fib.map_or(Fact::unknown("routing tables"), Fact::Is)
    }

    fn way_back(&self, _: std::net::IpAddr) -> Fact<FibAnswer> {
        self.fib.map_or(Fact::unknown("routing tables"), Fact::Is)
    }

    fn under_ipsec(&self) -> Fact<bool> {
        self.ipsec.map_or(Fact::unknown("IPsec state"), Fact::Is)
    }

    fn address_type(&self, _: std::net::IpAddr, _: Option<u32>) -> Fact<u8> {
        Fact::Is(2)
    }

    fn clock(&self) -> Fact<(i64, i32)> {
        self.clock.map_or(Fact::unknown("time of day"), Fact::Is)
    }

    fn socket(&self, _: u8, _: (std::net::IpAddr, u16), _: (std::net::IpAddr, u16)) -> Fact<SocketFacts> {
        self.socket.clone().into()
    }

    fn since_ruleset(&self) -> Fact<i64> {
        self.since.map_or(Fact::unknown("age of the ruleset"), Fact::Is)
    }
}

/// A device.
pub fn port(index: u32, name: &str) -> Fact<Device> {
    Fact::Is(Device { index, name: Fact::Is(name.into()) })
}

/// An IPv4 packet from 10.0.0.1 to 10.0.0.2.
pub fn ip4(protocol: u8, payload: &[u8]) -> Packet {
    let mut b = vec![0x45, 0, 0, 20 + payload.len() as u8, 0, 7, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let sum = crate::evaluate::checksum::of(&b);
    b[10..12].copy_from_slice(&sum.to_be_bytes());
    b.extend(payload);
    Packet::new(Network::Ip4, b)
}

/// An IPv6 packet from 2001:db8::1 to 2001:db8::2.
pub fn ip6(next: u8, payload: &[u8]) -> Packet {
    let mut b = vec![0x60, 0, 0, 0, 0, payload.len() as u8, next, 64];
    for last in [1, 2] {
        b.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    b.extend(payload);
    Packet::new(Network::Ip6, b)
}

/// A UDP header and payload.
pub fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut b = [from.to_be_bytes(), to.to_be_bytes(), (8 + payload.len() as u16).to_be_bytes(), [0, 0]].concat();
    b.extend(payload);
    b
}

/// A TCP header with options.
pub fn tcp(from: u16, to: u16, flags: u8, options: &[u8]) -> Vec<u8> {
    let mut b = [from.to_be_bytes(), to.to_be_bytes()].concat();
    b.extend([0, 0, 0, 1, 0, 0, 0, 0, (((20 + options.len()) / 4) << 4) as u8, flags, 4, 0, 0, 0, 0, 0]);
    b.extend(options);
    b
}

/// A table of that family with nothing in it.
pub fn table(family: Family) -> Table {
    Table {
        def: wire::Table {
            family,
            name: "t".into(),
            flags: wire::TableFlags::empty(),
            uses: 0,
            handle: 1,
            owner: None,
            userdata: Default::default(),
            unread: Vec::new(),
        },
        backend: Backend::Nft,
        chains: Vec::new(),
        sets: Vec::new(),
        objects: Vec::new(),
        flowtables: Vec::new(),
    }
}

/// A set in it.
pub fn members(name: &str, flags: SetFlags, key_len: u32, elements: Vec<Element>) -> Set {
    Set {
        def: wire::Set {
            family: Family::Ip,
            table: "t".into(),
            name: name.into(),
            handle: 9,
            flags,
            key_type: 0,
            key_len,
            data_type: None,
            data_len: None,
            object_kind: None,
            policy: None,
            size: None,
            fields: Default::default(),
            timeout: None,
            gc_interval: None,
            userdata: Default::default(),
            exprs: Vec::new(),
            id: None,
            backend: None,
            count: None,
            unread: Vec::new(),
        },
        elements,
    }
}

/// An element.
pub fn element(key: &[u8], value: Option<Value>) -> Element {
    Element { key: Data::new(key), value, ..Element::default() }
}

/// A verdict as the last word of a rule.
pub fn says(v: Verdict) -> Expr {
    Expr::Immediate(Immediate { dreg: Reg::VERDICT, value: Value::Verdict(v) })
}

/// A chain of rules, whose handles are 100 for the first, 101, and so on. With a policy it is a base chain.
pub fn chain(name: &str, hook: wire::Hook, policy: Option<Verdict>, rules: Vec<Vec<Expr>>) -> Chain {
    let rule = |(i, exprs): (u64, Vec<Expr>)| wire::Rule {
        family: Family::Ip,
        table: "t".into(),
        chain: name.into(),
        handle: 100 + i,
        previous: None,
        exprs,
        compat: None,
        userdata: Default::default(),
        unread: Vec::new(),
    };
    Chain {
        def: wire::Chain {
            family: Family::Ip,
            table: "t".into(),
            name: name.into(),
            handle: 2,
            base: policy.map(|policy| wire::BaseChain {
                kind: wire::ChainKind::Filter,
                hook,
                priority: 0,
                policy,
                devices: Vec::new(),
                counters: None,
            }),
            uses: 0,
            flags: Default::default(),
            id: None,
            userdata: Default::default(),
            unread: Vec::new(),
        },
        backend: Backend::Nft,
        rules: (0..).zip(rules).map(rule).collect(),
    }
}

/// Runs `f` on a machine before the first rule of a table.
pub fn on<T>(
    packet: Packet,
    hook: Hook,
    host: &Host,
    table: &Table,
    f: impl FnOnce(&mut Context<'_>, &mut Machine<'_>) -> T,
) -> T {
    let mut a = Assumptions::new();
    let mut cx = Context::new(packet, hook, host, &mut a);
    let index = TableIndex::new(table);
    let info = PacketInfo::new(&mut cx, table.def.family).unwrap();
    f(&mut cx, &mut Machine::new(table, &index, info))
}

/// The same in an empty inet table, at input, on a host of which nothing is known.
pub fn plain<T>(packet: Packet, f: impl FnOnce(&mut Context<'_>, &mut Machine<'_>) -> T) -> T {
    on(packet, Hook::Input, &Host::default(), &table(Family::Inet), f)
}

/// Every run of `f`, for each combination of answers to open questions.
pub fn every<T>(
    packet: &Packet,
    host: &Host,
    table: &Table,
    mut f: impl FnMut(&mut Context<'_>, &mut Machine<'_>) -> T,
) -> Vec<(T, Vec<String>)> {
    let mut a = Assumptions::new();
    let mut all = Vec::new();
    loop {
        let mut cx = Context::new(packet.clone(), Hook::Input, host, &mut a);
        let index = TableIndex::new(table);
        let info = PacketInfo::new(&mut cx, table.def.family).unwrap();
        let out = f(&mut cx, &mut Machine::new(table, &index, info));
        all.push((out, a.made().iter().map(|m| m.what.to_string()).collect()));
        if !a.advance() {
            return all;
        }
    }
}

/// Runs the first chain of a table.
pub fn walk(packet: Packet, table: &Table, begin: &Begin) -> (Ended, Vec<Tried>) {
    let (mut a, host) = (Assumptions::new(), Host { since: Some(0), ..Host::default() });
    let mut cx = Context::new(packet, Hook::Input, &host, &mut a);
    cx.explain = true;
    let index = TableIndex::new(table);
    let at = ChainRef { table: TableRef::Nft(0), chain: 0 };
    let mut tried = Vec::new();
    let ended = super::run(&mut cx, table, &index, at, begin, Some(&mut |t| tried.push(t)));
    (ended, tried)
}

/// The name as a kernel string.
pub fn text(s: &str) -> Text {
    s.into()
}
