//! Elements by what they match.

use std::net::IpAddr;

use nfblame_sys::ipset::{Element, Kind, Mac, Member, Port, Set};

/// What an element matches, in a form that can be ordered. Parts that the type does not have are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// First address and its prefix length.
    pub first: (u128, u8),
    /// Second address and its prefix length.
    pub second: (u128, u8),
    /// Protocol and port, mark, hardware address, or whether the interface is a bridge port.
    pub rest: u64,
}

/// The elements of a set in the order of their keys; elements of one key stay in the kernel's order.
#[derive(Debug, Clone)]
pub(super) struct Index {
    order: Vec<u32>,
    /// The prefix lengths that occur, longest first (`htype.nets`).
    pub first_prefixes: Vec<u8>,
    /// As above, of the second address.
    pub second_prefixes: Vec<u8>,
    /// Some elements were not understood.
    pub incomplete: bool,
}

impl Index {
    pub(super) fn new(set: &Set) -> Self {
        let key = |place: &u32| set.members.get(*place as usize).and_then(|m| Key::of(&set.header.kind, &m.element));
        let mut order: Vec<u32> = (0..set.members.len() as u32).filter(|place| key(place).is_some()).collect();
        let incomplete = order.len() < set.members.len();
        order.sort_by_key(|place| key(place).unwrap_or_default());
        let prefixes = |part: fn(&Key) -> u8| {
            let mut seen = [false; 129];
            for prefix in order.iter().filter_map(key).map(|key| part(&key)) {
                if let Some(seen) = seen.get_mut(usize::from(prefix)) {
                    *seen = true;
                }
            }
            (0..=128u8).rev().filter(|&p| seen.get(usize::from(p)).copied().unwrap_or(false)).collect()
        };
        let first_prefixes = prefixes(|key| key.first.1);
        let second_prefixes = prefixes(|key| key.second.1);
        Self { order, first_prefixes, second_prefixes, incomplete }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The elements of that key.
    pub(super) fn find<'a>(&'a self, set: &'a Set, wanted: Key) -> impl Iterator<Item = &'a Member> {
        let member = |place: &u32| set.members.get(*place as usize);
        let key = move |place: &u32| member(place).and_then(|m| Key::of(&set.header.kind, &m.element));
        let start = self.order.partition_point(|place| key(place) < Some(wanted));
        self.order
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(move |place| key(place) == Some(wanted))
            .filter_map(member)
    }
}

impl Key {
    /// The key of an element; `None` if it was not understood.
    fn of(kind: &Kind, element: &Element) -> Option<Self> {
        let host = |a: &IpAddr| (bits(*a), 0);
        let net = |n: &nfblame_sys::ipset::Net| (masked(bits(n.address), n.address.is_ipv4(), n.prefix), n.prefix);
        let none = Self::default();
        Some(match element {
            Element::Ip(a) => Self { first: host(a), ..none },
            // A bitmap knows elements by address alone: the hardware address may be yet to be learned.
            Element::IpMac(a, _) if *kind == Kind::BitmapIpMac => Self { first: host(a), ..none },
            Element::IpMac(a, m) => Self { first: host(a), rest: mac((*m)?), ..none },
            Element::Mac(m) => Self { rest: mac(*m), ..none },
            Element::Port(p) => Self { rest: u64::from(*p), ..none },
            Element::IpMark(a, m) => Self { first: host(a), rest: u64::from(*m), ..none },
            Element::IpPort(a, p) => Self { first: host(a), rest: port(*p), ..none },
            Element::IpPortIp(a, p, b) => Self { first: host(a), second: host(b), rest: port(*p) },
            Element::IpPortNet(a, p, n) => Self { first: host(a), second: net(n), rest: port(*p) },
            Element::Net(n) => Self { first: net(n), ..none },
            Element::NetIface(n, i) => Self { first: net(n), rest: u64::from(i.physdev), ..none },
            Element::NetNet(n, o) => Self { first: net(n), second: net(o), ..none },
            Element::NetPort(n, p) => Self { first: net(n), rest: port(*p), ..none },
            Element::NetPortNet(n, p, o) => Self { first: net(n), second: net(o), rest: port(*p) },
            _ => return None,
        })
    }
}

/// An address as a number.
pub(super) fn bits(a: IpAddr) -> u128 {
    match a {
        IpAddr::V4(a) => a.to_bits().into(),
        IpAddr::V6(a) => a.to_bits(),
    }
}

/// The first `prefix` bits of an address.
pub(super) fn masked(bits: u128, v4: bool, prefix: u8) -> u128 {
    let width = if v4 { 32 } else { 128 };
    match width - u32::from(prefix).min(width) {
        128 => 0,
        host => bits >> host << host,
    }
}

/// A port as a number.
pub(super) fn port(p: Port) -> u64 {
    u64::from(p.proto) << 16 | u64::from(p.port)
}

/// A hardware address as a number.
pub(super) fn mac(m: Mac) -> u64 {
    m.0.iter().fold(0, |n, &b| n << 8 | u64::from(b))
}
