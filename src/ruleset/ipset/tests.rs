//! What the kernel at hand cannot be asked: types it may lack, lists, unknown facts. The rest is in
//! tests/parity_ipset.rs.

use std::net::{IpAddr, Ipv4Addr};

use nfblame_sys::ipset::{Element, Extra, Iface, Kind, Mac, Net, Options, Port};
use nfblame_sys::uapi::ip_set::*;
use nfblame_sys::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_UNSPEC};

use super::*;
use crate::evaluate::Fact;

const A: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const B: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
const DNS: Port = Port { proto: 17, port: 53 };

/// From A to B; facts that are `None` are unknown.
struct Packet {
    port: Option<Port>,
    mac: Fact<Mac>,
    mark: u32,
}

const PACKET: Packet = Packet { port: Some(DNS), mac: Fact::Is(MAC), mark: 0x1ff };

impl Subject for Packet {
    fn family(&self) -> u8 {
        NFPROTO_IPV4
    }
    fn address(&self, source: bool) -> Fact<IpAddr> {
        Fact::Is(if source { A } else { B })
    }
    fn port(&self, _: bool) -> Fact<Port> {
        self.port.map_or(Fact::unknown("port"), Fact::Is)
    }
    fn mac(&self, _: bool) -> Fact<Mac> {
        self.mac.clone()
    }
    fn interface(&self, inbound: bool, _: bool) -> Fact<Text> {
        if inbound { Fact::Is("eth0".into()) } else { Fact::Absent }
    }
    fn mark(&self) -> Fact<u32> {
        Fact::Is(self.mark)
    }
}

fn set(name: &str, kind: Kind, elements: &[(Element, bool)]) -> Set {
    let family = match kind {
        Kind::ListSet | Kind::HashMac | Kind::BitmapPort => NFPROTO_UNSPEC,
        _ => NFPROTO_IPV4,
    };
    let header = Header {
        name: name.into(),
        index: None,
        kind,
        revision: 0,
        family,
        options: Options::default(),
        references: 0,
        memsize: 0,
        elements: None,
    };
    let member = |(element, nomatch): &(Element, bool)| Member {
        element: element.clone(),
        nomatch: *nomatch,
        timeout: None,
        extra: None,
    };
    Set { header, members: elements.iter().map(member).collect() }
}

fn net(address: IpAddr, prefix: u8) -> Net {
    Net { address, prefix }
}

/// Source in every dimension but the last asked for.
fn ask(dimensions: u8) -> Ask {
    Ask { dimensions, sources: IPSET_DIM_ONE_SRC | if dimensions > 2 { IPSET_DIM_TWO_SRC } else { 0 }, flags: 0 }
}

fn contains(set: Set, ask: Ask, packet: &Packet) -> Option<bool> {
    let sets = IpSets::new(vec![set]);
    sets.contains(&sets.sets[0], ask, packet)
}

#[test]
fn each_type_looks_at_its_own_dimensions() {
    let ten = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0));
    let iface = |name: &str, wildcard| Iface { name: name.into(), physdev: false, wildcard };
    let cases = [
        (Kind::HashIpMac, 2, Element::IpMac(A, Some(MAC)), true),
        (Kind::HashIpMac, 2, Element::IpMac(B, Some(MAC)), false),
        (Kind::BitmapIpMac, 2, Element::IpMac(A, None), true),
        (Kind::BitmapIpMac, 2, Element::IpMac(A, Some(Mac([2; 6]))), false),
        (Kind::HashMac, 1, Element::Mac(MAC), true),
        (Kind::HashIpMark, 2, Element::IpMark(A, 0x1ff), true),
        (Kind::HashIpMark, 2, Element::IpMark(A, 0xff), false),
        (Kind::BitmapPort, 1, Element::Port(53), true),
        (Kind::HashIpPortIp, 3, Element::IpPortIp(A, DNS, B), true),
        (Kind::HashIpPortIp, 3, Element::IpPortIp(B, DNS, A), false),
        (Kind::HashIpPortNet, 3, Element::IpPortNet(A, DNS, net(ten, 8)), true),
        (Kind::HashNetNet, 2, Element::NetNet(net(A, 32), net(ten, 8)), true),
        (Kind::HashNetNet, 2, Element::NetNet(net(B, 32), net(ten, 8)), false),
        (Kind::HashNetPortNet, 3, Element::NetPortNet(net(ten, 24), DNS, net(B, 32)), true),
        (Kind::HashNetPortNet, 3, Element::NetPortNet(net(ten, 24), Port { proto: 6, ..DNS }, net(B, 32)), false),
        (Kind::HashNetIface, 3, Element::NetIface(net(ten, 0), iface("eth0", false)), true),
        (Kind::HashNetIface, 3, Element::NetIface(net(ten, 0), iface("et", true)), true),
        (Kind::HashNetIface, 3, Element::NetIface(net(ten, 0), iface("et", false)), false),
        (Kind::HashNetIface, 2, Element::NetIface(net(ten, 0), iface("eth0", false)), false), // no output interface
    ];
    for (kind, dimensions, element, expected) in cases {
        let found = contains(set("s", kind.clone(), &[(element.clone(), false)]), ask(dimensions), &PACKET);
        assert_eq!(found, Some(expected), "{kind} {element:?}");
        if let Some(needed) = kind.dimensions().filter(|&n| n > 1) {
            let fewer = contains(set("s", kind, &[(element, false)]), ask(needed - 1), &PACKET);
            assert_eq!(fewer, Some(false), "too few dimensions never match");
        }
    }
}

#[test]
fn what_is_not_known_is_asked_for_only_where_it_matters() {
    let blind = Packet { port: None, mac: Fact::Absent, ..PACKET };
    let one = |kind, element| set("s", kind, &[(element, false)]);
    assert_eq!(contains(one(Kind::HashIpPort, Element::IpPort(A, DNS)), ask(2), &blind), None);
    assert_eq!(contains(set("s", Kind::HashIpPort, &[]), ask(2), &blind), Some(false), "empty");
    assert_eq!(
        contains(one(Kind::HashIpMac, Element::IpMac(A, Some(MAC))), ask(2), &blind),
        Some(false),
        "no Ethernet"
    );
    assert_eq!(contains(one(Kind::HashIp, Element::Ip(A)), ask(1), &blind), Some(true));
    assert_eq!(contains(one(Kind::HashIp, Element::Unknown(vec![])), ask(1), &blind), None);
    assert_eq!(contains(set("s", Kind::Unknown("hash:new".into()), &[]), ask(1), &blind), None);
}

#[test]
fn marks_are_masked() {
    let mut masked = set("s", Kind::HashIpMark, &[(Element::IpMark(A, 0x100), false)]);
    masked.header.options.markmask = Some(0xff00);
    assert_eq!(contains(masked, ask(2), &PACKET), Some(true));
}

#[test]
fn exceptions_turn_into_matches_where_the_rule_says_so() {
    let nets = [(Element::Net(net(A, 8)), false), (Element::Net(net(A, 32)), true)];
    let ask = |flags| Ask { flags, ..ask(1) };
    assert_eq!(contains(set("s", Kind::HashNet, &nets), ask(0), &PACKET), Some(false));
    assert_eq!(contains(set("s", Kind::HashNet, &nets), ask(IPSET_FLAG_RETURN_NOMATCH), &PACKET), Some(true));
    assert_eq!(contains(set("s", Kind::HashNet, &nets[..1]), ask(0), &PACKET), Some(true));
    assert_eq!(contains(set("s", Kind::HashNet, &nets[..1]), ask(IPSET_FLAG_RETURN_NOMATCH), &PACKET), Some(false));
    let ip = [(Element::Ip(A), false)];
    assert_eq!(contains(set("s", Kind::HashIp, &ip), ask(IPSET_FLAG_RETURN_NOMATCH), &PACKET), Some(true));
}

#[test]
fn compared_counters_make_a_hit_unknown() {
    let mut counting = set("s", Kind::HashIp, &[(Element::Ip(A), false)]);
    counting.members[0].extra = Some(Box::new(Extra { counters: Some((1, 2)), ..Extra::default() }));
    let ask = Ask { flags: IPSET_FLAG_MATCH_COUNTERS, ..ask(1) };
    assert_eq!(contains(counting.clone(), ask, &PACKET), Some(true), "the set does not count");
    counting.header.options.flags = IPSET_FLAG_WITH_COUNTERS;
    assert_eq!(contains(counting.clone(), ask, &PACKET), None);
    counting.members[0].element = Element::Ip(B);
    assert_eq!(contains(counting, ask, &PACKET), Some(false));
}

#[test]
fn a_list_contains_what_its_first_matching_set_contains() {
    let lists = |members: &[&str]| {
        let elements: Vec<_> = members.iter().map(|n| (Element::Set((*n).into()), false)).collect();
        let sets = IpSets::new(vec![
            set("ports", Kind::HashIpPort, &[(Element::IpPort(A, DNS), false)]),
            set("other", Kind::HashIp, &[(Element::Ip(B), false)]),
            set("except", Kind::HashNet, &[(Element::Net(net(A, 8)), false), (Element::Net(net(A, 32)), true)]),
            set("list", Kind::ListSet, &elements),
        ]);
        move |dimensions, flags, packet: &Packet| {
            let list = sets.by_name(b"list").map(|list| sets.contains(list, Ask { flags, ..ask(dimensions) }, packet));
            list.flatten()
        }
    };
    let blind = Packet { port: None, ..PACKET };
    assert_eq!(lists(&[])(2, 0, &PACKET), Some(false));
    assert_eq!(lists(&["other", "ports"])(2, 0, &PACKET), Some(true));
    assert_eq!(lists(&["other", "ports"])(1, 0, &PACKET), Some(false), "ports needs two");
    assert_eq!(lists(&["other", "ports"])(2, 0, &blind), None);
    assert_eq!(lists(&["except"])(1, 0, &PACKET), Some(false));
    assert_eq!(lists(&["except"])(1, IPSET_FLAG_RETURN_NOMATCH, &PACKET), Some(true));
    assert_eq!(lists(&["other", "gone"])(1, 0, &PACKET), None, "a set that was not read");
    assert_eq!(lists(&["list"])(1, 0, &PACKET), None, "no list in a list");
}
