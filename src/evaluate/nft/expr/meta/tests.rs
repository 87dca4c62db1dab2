//! What is loaded of packets beside their bytes.
#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;
use crate::evaluate::Packet;
use crate::evaluate::environment::Link;
use crate::evaluate::nft::testing::*;
use crate::evaluate::packet::Owner;
use crate::sys::nft::Family;

fn load(packet: Packet, hook: Hook, family: Family, key: MetaKey, len: usize) -> (Step, Option<Vec<u8>>) {
    let link = |index, name: &str, kind: &str, master| Link {
        index,
        name: name.into(),
        kind: kind.into(),
        hardware: 1,
        group: 5,
        master,
        ..Link::default()
    };
    let host = Host {
        links: vec![link(2, "eth0", "", 7), link(3, "eth1", "veth", 0), link(7, "br0", "bridge", 0)],
        clock: Some((1_700_000_000, -3600)),
        ..Host::default()
    };
    on(packet, hook, &host, &table(family), |cx, m| {
        let step = eval(cx, m, &Meta { key, dreg: Reg::R1 });
        (step, m.regs.read(Reg::R1, len).map(<[u8]>::to_vec))
    })
}

fn packet() -> Packet {
    let mut p = ip4(17, &[0; 8]);
    (p.iif, p.oif) = (port(2, "eth0"), port(3, "eth1"));
    p
}

fn number(v: u32) -> (Step, Option<Vec<u8>>) {
    (Step::Go, Some(v.to_ne_bytes().to_vec()))
}

fn named(name: &str) -> (Step, Option<Vec<u8>>) {
    let mut padded = name.as_bytes().to_vec();
    padded.resize(16, 0);
    (Step::Go, Some(padded))
}

#[test]
fn devices_are_seen_at_their_hooks() {
    let at = |hook, key, len| load(packet(), hook, Family::Inet, key, len);
    assert_eq!(at(Hook::Forward, MetaKey::Iifname, 16), named("eth0"));
    assert_eq!(at(Hook::Forward, MetaKey::Oif, 4), number(3));
    assert_eq!(at(Hook::Input, MetaKey::Oifname, 16), named(""));
    assert_eq!(at(Hook::Output, MetaKey::Iif, 4), number(0));
    assert_eq!(at(Hook::Output, MetaKey::Iifgroup, 4).0, Step::Break);
    assert_eq!(at(Hook::Forward, MetaKey::Oifgroup, 4), number(5));
    assert_eq!(at(Hook::Forward, MetaKey::Iifkind, 16).0, Step::Break);
    assert_eq!(at(Hook::Forward, MetaKey::Oifkind, 16), named("veth"));
    assert_eq!(at(Hook::Forward, MetaKey::Iiftype, 4).1, Some([&1u16.to_ne_bytes()[..], &[0, 0]].concat()));
    assert_eq!(at(Hook::Forward, MetaKey::BriIifname, 16), named("br0"));
    assert_eq!(at(Hook::Forward, MetaKey::BriOifname, 16), named(""));
    assert_eq!(at(Hook::Forward, MetaKey::Sdif, 4), number(0));
}

#[test]
fn protocols_are_those_of_hook_and_packet() {
    assert_eq!(load(packet(), Hook::Input, Family::Inet, MetaKey::Nfproto, 4).1, Some(vec![2, 0, 0, 0]));
    assert_eq!(load(packet(), Hook::Input, Family::Bridge, MetaKey::Nfproto, 4).1, Some(vec![7, 0, 0, 0]));
    assert_eq!(load(packet(), Hook::Input, Family::Inet, MetaKey::L4proto, 4).1, Some(vec![17, 0, 0, 0]));
    assert_eq!(load(packet(), Hook::Input, Family::Inet, MetaKey::Protocol, 4).1, Some(vec![8, 0, 0, 0]));
    assert_eq!(load(packet(), Hook::Input, Family::Inet, MetaKey::Length, 4), number(28));
    let arp = Packet::new(Network::Arp, vec![0; 28]);
    assert_eq!(load(arp, Hook::Input, Family::Arp, MetaKey::L4proto, 4).0, Step::Break);
}

#[test]
fn owners_are_known_unknown_or_not_there() {
    let mut p = packet();
    assert_eq!(load(p.clone(), Hook::Output, Family::Ip, MetaKey::Skuid, 4), (Step::Go, None));
    p.owner = Fact::Absent;
    assert_eq!(load(p.clone(), Hook::Output, Family::Ip, MetaKey::Skuid, 4).0, Step::Break);
    p.owner = Fact::Is(Owner { uid: Some(1000), ..Owner::default() });
    assert_eq!(load(p.clone(), Hook::Output, Family::Ip, MetaKey::Skuid, 4), number(1000));
    assert_eq!(load(p, Hook::Output, Family::Ip, MetaKey::Skgid, 4).0, Step::Break);
}

#[test]
fn what_comes_back_over_loopback_has_its_own_packet_type() {
    let kind = |destination: [u8; 4]| {
        let mut p = packet();
        p.write(16, &destination);
        p.pkttype = Fact::Is(PACKET_LOOPBACK);
        load(p, Hook::Prerouting, Family::Ip, MetaKey::Pkttype, 4).1
    };
    assert_eq!(kind([224, 0, 0, 1]), Some(vec![2, 0, 0, 0]));
    assert_eq!(kind([10, 255, 255, 255]), Some(vec![1, 0, 0, 0]));
}

#[test]
fn time_is_known_to_the_second() {
    // Tuesday 22:13:20 UTC, and still Tuesday an hour west
    assert_eq!(load(packet(), Hook::Input, Family::Ip, MetaKey::TimeDay, 4).1, Some(vec![2, 0, 0, 0]));
    assert_eq!(load(packet(), Hook::Input, Family::Ip, MetaKey::TimeHour, 4), number(22 * 3600 + 13 * 60 + 20));
    assert_eq!(load(packet(), Hook::Input, Family::Ip, MetaKey::TimeNs, 8), (Step::Go, None));
    assert_eq!(load(packet(), Hook::Input, Family::Ip, MetaKey::Unknown(93), 4), (Step::Go, None));
}
