//! Is a packet in a set?

use std::borrow::Cow;
use std::net::IpAddr;

use nfblame_sys::Text;
use nfblame_sys::ipset::{Element, Iface, Kind, Mac, Member, Port};
use nfblame_sys::uapi::ip_set::{
    IPSET_FLAG_MATCH_COUNTERS, IPSET_FLAG_PHYSDEV, IPSET_FLAG_RETURN_NOMATCH, IPSET_FLAG_WITH_COUNTERS,
};
use nfblame_sys::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_UNSPEC};
use nix::libc::{IPPROTO_TCP, IPPROTO_UDP};

use super::index::{Key, bits, mac, masked, port};
use super::{IpSet, IpSets};
use crate::evaluate::Fact;

/// What a set asks of a packet. [`Fact::Absent`] means that the kernel finds nothing there: the packet is not in the set.
pub trait Subject {
    /// `NFPROTO_IPV4` or `NFPROTO_IPV6`.
    fn family(&self) -> u8;
    /// The source or destination address.
    fn address(&self, source: bool) -> Fact<IpAddr>;
    /// Protocol and source or destination port, or ICMP type and code, as `ip_set_get_ip4_port` finds them: absent
    /// in later fragments of protocols with ports.
    fn port(&self, source: bool) -> Fact<Port>;
    /// The source or destination hardware address; absent where there is no Ethernet header.
    fn mac(&self, source: bool) -> Fact<Mac>;
    /// The interface it came in by or goes out by, or with `bridge_port` the port of the bridge.
    fn interface(&self, inbound: bool, bridge_port: bool) -> Fact<Text>;
    /// The packet mark.
    fn mark(&self) -> Fact<u32>;
}

/// How a rule asks (`struct ip_set_adt_opt`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// How many `src`/`dst` flags it has.
    pub dimensions: u8,
    /// Bit n set: dimension n takes the source (`IPSET_DIM_ONE_SRC`…).
    pub sources: u8,
    /// `IPSET_FLAG_*` of the match.
    pub flags: u32,
}

impl Ask {
    fn source(&self, dimension: u8) -> bool {
        self.sources & (1 << dimension) != 0
    }
}

/// What a set says of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// This element of this set matches.
    Hit(&'a IpSet, &'a Member),
    /// This element excepts the packet (`nomatch`).
    Excepted(&'a IpSet, &'a Member),
    /// No element matches.
    Miss,
    /// It cannot be told, for want of this.
    Unknown(Cow<'static, str>),
}

impl PartialEq for IpSet {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for IpSet {}

/// Takes the value of a fact, or leaves with what its lack means.
macro_rules! known {
    ($fact:expr) => {
        match $fact {
            Fact::Is(v) => v,
            Fact::Absent => return Found::Miss,
            Fact::Unknown(what) => return Found::Unknown(what),
        }
    };
}

impl IpSets {
    /// Does the packet match the set (`ip_set_test`)? `None` if it cannot be told.
    ///
    /// Elements' counters move with every packet: a hit in a set with counters is unknown if `ask` compares them.
    pub fn contains(&self, set: &IpSet, ask: Ask, subject: &dyn Subject) -> Option<bool> {
        let compared = ask.flags & IPSET_FLAG_MATCH_COUNTERS != 0 && set.header().options.has(IPSET_FLAG_WITH_COUNTERS);
        let inverted = ask.flags & IPSET_FLAG_RETURN_NOMATCH != 0;
        match self.lookup(set, ask, subject) {
            Found::Miss => Some(false),
            Found::Unknown(_) => None,
            _ if compared => None,
            // What a list found in a member set has been turned there already.
            Found::Hit(inner, _) => Some(!(inverted && inner == set && set.header().kind.has_nomatch())),
            Found::Excepted(inner, _) => Some(inverted || inner != set),
        }
    }

    /// Which element of the set, if any, decides about the packet.
    ///
    /// For a list this is an element of the member set that decides.
    pub fn lookup<'a>(&'a self, set: &'a IpSet, ask: Ask, subject: &dyn Subject) -> Found<'a> {
        let header = set.header();
        let Some(dimensions) = header.kind.dimensions() else {
            return Found::Unknown(format!("elements of set type {}", header.kind).into());
        };
        if ask.dimensions < dimensions || (header.family != NFPROTO_UNSPEC && header.family != subject.family()) {
            return Found::Miss;
        }
        if header.kind == Kind::ListSet { self.lookup_list(set, ask, subject) } else { lookup(set, ask, subject) }
    }

    /// The first member set that contains the packet (`list_set_ktest`).
    fn lookup_list<'a>(&'a self, list: &'a IpSet, ask: Ask, subject: &dyn Subject) -> Found<'a> {
        let ask = Ask { flags: ask.flags & !IPSET_FLAG_MATCH_COUNTERS, ..ask };
        let mut missed = Found::Miss;
        for member in list.members() {
            let Element::Set(name) = &member.element else {
                missed = Found::Unknown("elements of a set list".into());
                continue;
            };
            // The kernel puts no list into a list.
            let Some(set) = self.by_name(name.as_bytes()).filter(|s| s.header().kind != Kind::ListSet) else {
                missed = Found::Unknown(format!("set {name}").into());
                continue;
            };
            match self.contains(set, ask, subject) {
                Some(true) => return self.lookup(set, ask, subject),
                Some(false) => {}
                None => missed = self.lookup(set, ask, subject),
            }
        }
        missed
    }
}

/// A set that is no list.
fn lookup<'a>(set: &'a IpSet, ask: Ask, subject: &dyn Subject) -> Found<'a> {
    let index = set.index();
    if index.incomplete {
        return Found::Unknown(format!("elements of set {}", set.header().name).into());
    }
    if index.is_empty() {
        return Found::Miss;
    }
    let options = &set.header().options;
    let kind = &set.header().kind;
    let source = |dimension| ask.source(dimension);
    let address = |dimension| subject.address(source(dimension));
    let mut key = Key::default();
    match kind {
        Kind::BitmapIp | Kind::HashIp | Kind::BitmapIpMac | Kind::HashIpMac => {
            let a = known!(address(1));
            if options.addresses.is_some_and(|(first, last)| a < first || a > last) {
                return Found::Miss;
            }
            key.first.0 = cut(set, a);
            match kind {
                Kind::HashIpMac => key.rest = mac(known!(subject.mac(source(2)))),
                Kind::BitmapIpMac => return bitmap_mac(set, key, known!(subject.mac(source(2)))),
                _ => {}
            }
        }
        Kind::BitmapPort => {
            let p = known!(subject.port(source(1)));
            if !matches!(i32::from(p.proto), IPPROTO_TCP | IPPROTO_UDP) {
                return Found::Miss;
            }
            key.rest = u64::from(p.port);
        }
        Kind::HashMac => key.rest = mac(known!(subject.mac(source(1)))),
        Kind::HashIpMark => {
            key.first.0 = bits(known!(address(1)));
            key.rest = u64::from(known!(subject.mark()) & options.markmask.unwrap_or(u32::MAX));
        }
        Kind::HashIpPort => {
            key.rest = port(known!(subject.port(source(2))));
            key.first.0 = cut(set, known!(address(1)));
        }
        Kind::HashIpPortIp | Kind::HashIpPortNet | Kind::HashNetPortNet => {
            key.rest = port(known!(subject.port(source(2))));
            key.first.0 = bits(known!(address(1)));
            key.second.0 = bits(known!(address(3)));
        }
        Kind::HashNet => key.first.0 = bits(known!(address(1))),
        Kind::HashNetNet => {
            key.first.0 = cut(set, known!(address(1)));
            key.second.0 = cut(set, known!(address(2)));
        }
        Kind::HashNetPort => {
            key.rest = port(known!(subject.port(source(2))));
            key.first.0 = bits(known!(address(1)));
        }
        Kind::HashNetIface => {
            let bridge_port = ask.flags & IPSET_FLAG_PHYSDEV != 0;
            let name = known!(subject.interface(source(2), bridge_port));
            key.first.0 = bits(known!(address(1)));
            key.rest = u64::from(bridge_port);
            return by_prefix(set, key, Some(&name));
        }
        _ => return Found::Unknown(format!("elements of set type {kind}").into()),
    }
    by_prefix(set, key, None)
}

/// An address as the set's `netmask` or `bitmask` leaves it.
fn cut(set: &IpSet, address: IpAddr) -> u128 {
    let options = &set.header().options;
    let mask = options.bitmask.map_or(u128::MAX, bits);
    masked(bits(address), address.is_ipv4(), options.netmask.unwrap_or(128)) & mask
}

/// An element of a bitmap matches any hardware address until it has learned one.
fn bitmap_mac(set: &IpSet, key: Key, wanted: Mac) -> Found<'_> {
    let matches = |m: &&Member| match m.element {
        Element::IpMac(_, learned) => learned.is_none_or(|learned| learned == wanted),
        _ => false,
    };
    set.index().find(&set.set, key).find(matches).map_or(Found::Miss, |m| Found::Hit(set, m))
}

/// From the longest prefix to the shortest, the first address before the second (`mtype_test_cidrs`).
fn by_prefix<'a>(set: &'a IpSet, whole: Key, interface: Option<&Text>) -> Found<'a> {
    let index = set.index();
    let v4 = set.header().family == NFPROTO_IPV4;
    let (first_is_net, second_is_net) = match set.header().kind {
        Kind::HashNet | Kind::HashNetPort | Kind::HashNetIface => (true, false),
        Kind::HashIpPortNet => (false, true),
        Kind::HashNetNet | Kind::HashNetPortNet => (true, true),
        _ => (false, false),
    };
    let part = |(bits, _): (u128, u8), is_net: bool, prefix: u8| {
        if is_net { (masked(bits, v4, prefix), prefix) } else { (bits, 0) }
    };
    for &first in &index.first_prefixes {
        for &second in &index.second_prefixes {
            let key = Key {
                first: part(whole.first, first_is_net, first),
                second: part(whole.second, second_is_net, second),
                ..whole
            };
            let mut seen = false;
            for member in index.find(&set.set, key) {
                seen = true;
                if interface.is_none_or(|name| on_interface(&member.element, name)) {
                    return if member.nomatch { Found::Excepted(set, member) } else { Found::Hit(set, member) };
                }
            }
            // Seen on the kernel too: a network with another interface hides the wider networks around it.
            if seen {
                return Found::Miss;
            }
        }
    }
    Found::Miss
}

fn on_interface(element: &Element, wanted: &Text) -> bool {
    let Element::NetIface(_, Iface { name, wildcard, .. }) = element else { return false };
    if *wildcard { wanted.as_bytes().starts_with(name.as_bytes()) } else { name == wanted }
}
