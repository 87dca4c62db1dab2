//! What of the host a packet is asked for: devices, routes, owners, sockets, the clock.

use super::super::*;
use super::host;
use crate::evaluate::packet::Owner;
use crate::sys::xt::matches::{self as m, decode};
use crate::sys::{Text, TextRef};

#[test]
fn bridge_ports_are_asked_for_one_by_one() {
    let physdev = |matched, invert| {
        let mut mask = [0; 16];
        mask[..3].fill(0xff);
        let (input, output) = (TextRef::new(b"eth"), TextRef::new(b"tap"));
        Match::Physdev(m::Physdev { input, input_mask: mask, output, output_mask: mask, matched, invert })
    };
    let (inp, out, bridged, is_in) = (m::Physdev::IN, m::Physdev::OUT, m::Physdev::BRIDGED, m::Physdev::IS_IN);
    let device = |name: &str| Fact::Is(Device { index: 7, name: Fact::Is(name.into()) });
    let routed = udp(1, b"");
    assert!(!is(&host(), &routed, physdev(inp, 0)));
    assert!(is(&host(), &routed, physdev(inp | bridged, inp | bridged)));
    let mut p = udp(1, b"");
    p.physin = device("eth5");
    assert!(is(&host(), &p, physdev(inp | is_in, 0)));
    assert!(!is(&host(), &p, physdev(bridged, 0)));
    assert!(!is(&host(), &p, physdev(out, out)), "no port to leave by, so no name to differ");
    p.physout = device("tap1");
    assert!(is(&host(), &p, physdev(inp | out | bridged, 0)));
    assert!(!is(&host(), &p, physdev(out, out)));
    p.physin = Fact::unknown("bridge port");
    assert!(is_open(&host(), &p, physdev(inp, 0)));
}

#[test]
fn a_reverse_path_needs_a_route_back_by_the_same_interface() {
    let rpfilter = |flags| Match::Rpfilter(m::Rpfilter { flags });
    let answer = |kind, oif| FibAnswer { kind, oif, ..FibAnswer::default() };
    let with = |route: Fact<FibAnswer>| Host { route: Some(route), ..host() };
    let p = udp(1, b"");
    assert!(is(&with(Fact::Is(answer(1, 2))), &p, rpfilter(0)));
    assert!(!is(&with(Fact::Is(answer(1, 3))), &p, rpfilter(0)));
    assert!(is(&with(Fact::Is(answer(1, 3))), &p, rpfilter(m::Rpfilter::LOOSE)));
    assert!(is(&with(Fact::Is(answer(1, 3))), &p, rpfilter(m::Rpfilter::INVERT)));
    assert!(!is(&with(Fact::Is(answer(2, 2))), &p, rpfilter(0)), "a local source");
    assert!(is(&with(Fact::Is(answer(2, 2))), &p, rpfilter(m::Rpfilter::ACCEPT_LOCAL)));
    assert!(!is(&with(Fact::Is(answer(7, 0))), &p, rpfilter(m::Rpfilter::LOOSE)), "an unreachable source");
    assert!(!is(&with(Fact::Absent), &p, rpfilter(0)));
    assert!(is_open(&host(), &p, rpfilter(0)));
    let mut lo = p.clone();
    lo.iif = Fact::Is(Device { index: 1, name: Fact::Is("lo".into()) });
    assert!(is(&with(Fact::Absent), &lo, rpfilter(0)));
}

#[test]
fn owners_are_ranges_and_a_forwarded_packet_has_none() {
    let owner = |matched, invert, uids, gids| Match::Owner(m::Owner { uids, gids, matched, invert });
    let (uid, gid, socket, more) = (m::Owner::UID, m::Owner::GID, m::Owner::SOCKET, m::Owner::SUPPLEMENTARY);
    let mut p = udp(1, b"");
    p.owner = Fact::Is(Owner { uid: Some(1000), gid: Some(100), cgroup: Some("/user.slice/a".into()) });
    assert!(is(&host(), &p, owner(uid | gid, 0, [900, 1000], [100, 100])));
    assert!(!is(&host(), &p, owner(uid, uid, [900, 1000], [0, 0])));
    assert!(is(&host(), &p, owner(socket, 0, [0, 0], [0, 0])));
    assert!(!is(&host(), &p, owner(socket, socket, [0, 0], [0, 0])));
    assert!(is_open(&host(), &p, owner(gid | more, 0, [0, 0], [7, 7])));
    assert!(is(&host(), &p, owner(gid | more, 0, [0, 0], [100, 100])));
    let cgroup = |path: &'static [u8], invert_path| {
        Match::Cgroup(m::Cgroup { path: Some(TextRef::new(path)), invert_path, class: None, invert_class: false })
    };
    assert!(is(&host(), &p, cgroup(b"user.slice", false)));
    assert!(is(&host(), &p, cgroup(b"/user.slice/a/", false)));
    assert!(!is(&host(), &p, cgroup(b"user", false)) && is(&host(), &p, cgroup(b"user", true)));
    p.owner = Fact::Is(Owner::default());
    assert!(!is(&host(), &p, owner(uid, 0, [0, 9999], [0, 0])), "a socket that no file leads to");
    assert!(is(&host(), &p, owner(uid, uid, [0, 9999], [0, 0])));
    p.owner = Fact::Absent;
    assert!(!is(&host(), &p, owner(uid, 0, [0, 9999], [0, 0])) && !is(&host(), &p, cgroup(b"", true)));
    assert!(is(&host(), &p, owner(socket | uid, socket | uid, [0, 0], [0, 0])));
    p.owner = Fact::unknown("socket owner");
    assert!(is_open(&host(), &p, owner(uid, 0, [0, 9999], [0, 0])));
}

#[test]
fn sockets_are_looked_up_for_packets_and_for_errors_about_them() {
    let facts = |wildcard, transparent| SocketFacts {
        transparent: Fact::Is(transparent),
        mark: Fact::Is(0x77),
        wildcard,
        uid: Fact::Absent,
        cgroup: Fact::Absent,
    };
    let with = |wildcard, transparent| {
        let mut h = host();
        h.sockets.insert((17, B.into(), 53), facts(wildcard, transparent));
        h
    };
    let socket = |flags| Match::Socket(m::Socket { flags });
    let p = udp(53, b"");
    assert!(is(&with(false, false), &p, socket(0)));
    assert!(!is(&host(), &p, socket(0)));
    assert!(!is(&with(true, false), &p, socket(0)) && is(&with(true, false), &p, socket(m::Socket::NO_WILDCARD)));
    assert!(!is(&with(false, false), &p, socket(m::Socket::TRANSPARENT)));
    assert!(is(&with(false, true), &p, socket(m::Socket::TRANSPARENT)));
    let marked = each(&with(false, true), &p, Hook::Prerouting, |cx| {
        matches_packet(cx, Family::Ip, &socket(m::Socket::RESTORE_MARK));
        cx.packet.mark.clone()
    });
    assert_eq!(marked, [Fact::Is(0x77)]);
    // An ICMP error quotes our packet: from B port 53.
    let mut quoted = vec![3, 3, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
    quoted.extend(B);
    quoted.extend(A);
    quoted.extend([0, 53, 0x0f, 0xa0, 0, 8, 0, 0]);
    assert!(is(&with(false, false), &ip4(1, &quoted), socket(0)));
    quoted[0] = 8;
    assert!(!is(&with(false, false), &ip4(1, &quoted), socket(0)), "no error");
}

#[test]
fn time_wraps_around_midnight_and_the_zone_shifts_it() {
    // 2026-11-22 (a Sunday) 23:30 UTC.
    let now = 1_795_303_800 + 86_400;
    let at = |t: i64| Host { clock: Some(t), ..host() };
    let time = |day_start, day_stop, weekdays, flags| {
        Match::Time(m::Time {
            date_start: 0,
            date_stop: u32::MAX,
            day_start,
            day_stop,
            monthdays: m::Time::ALL_MONTHDAYS,
            weekdays,
            flags,
        })
    };
    let sunday = 1 << 7;
    let monday = 1 << 1;
    let p = udp(1, b"");
    let midnight = now - (23 * 3600 + 1800);
    assert_eq!(midnight % 86_400, 0);
    assert!(is(&at(now), &p, time(0, m::Time::LAST, sunday, 0)));
    assert!(!is(&at(now), &p, time(0, m::Time::LAST, monday, 0)));
    // Two hours east it is Monday already.
    assert!(is(&at(now), &p, time(0, m::Time::LAST, monday, m::Time::LOCAL)));
    let night = |weekdays, flags| time(22 * 3600, 3600, weekdays, flags);
    assert!(is(&at(now), &p, night(sunday, 0)));
    let later = now + 3600;
    assert!(!is(&at(later), &p, night(sunday, 0)), "half past midnight is Monday");
    assert!(is(&at(later), &p, night(sunday, m::Time::CONTIGUOUS)));
    assert!(!is(&at(now + 3 * 3600), &p, night(0xfe, 0)));
    assert!(is_open(&host(), &p, night(0xfe, 0)));
}

#[test]
fn policies_and_packet_types_and_groups_come_from_the_host() {
    let p = udp(1, b"");
    let policy = |flags: u16| {
        let mut data = vec![0; 308];
        data[304..306].copy_from_slice(&flags.to_ne_bytes());
        let data: &'static [u8] = data.leak();
        decode(Family::Ip, b"policy", 0, data)
    };
    let ipsec = |on| Host { ipsec: Some(on), ..host() };
    let (inbound, none) = (m::Policy::IN, m::Policy::NONE);
    assert!(is(&ipsec(false), &p, policy(inbound | none)) && !is(&ipsec(false), &p, policy(inbound)));
    assert!(is_open(&ipsec(true), &p, policy(inbound)) && is_open(&host(), &p, policy(inbound)));

    let kind = |kind, invert| Match::Pkttype(m::Pkttype { kind, invert });
    let mut looped = udp(1, b"");
    looped.pkttype = Fact::Is(5);
    assert!(is(&host(), &looped, kind(m::Pkttype::BROADCAST, 0)));
    looped.bytes[16] = 224;
    assert!(is(&host(), &looped, kind(m::Pkttype::MULTICAST, 0)));

    let mut h = host();
    h.links.insert(2, Link { index: 2, name: Text::from("eth0"), group: 7, ..Link::default() });
    let group = |source, source_mask, flags| {
        Match::Devgroup(m::Devgroup { flags, source, source_mask, destination: 0, destination_mask: 0 })
    };
    assert!(is(&h, &p, group(7, u32::MAX, m::Devgroup::SOURCE)));
    assert!(is(&h, &p, group(0xf, 1, m::Devgroup::SOURCE)));
    assert!(!is(&h, &p, group(7, u32::MAX, m::Devgroup::SOURCE | m::Devgroup::INVERT_SOURCE)));
    assert!(is_open(&host(), &p, group(7, u32::MAX, m::Devgroup::SOURCE)));
}

#[test]
fn types_of_ipv6_addresses_are_read_from_the_address_first() {
    let mut h = host();
    h.kinds.insert("fd00::2".parse().unwrap(), 2);
    h.kinds.insert("fd00::1".parse().unwrap(), 7);
    let addrtype = |source, destination| Match::Addrtype(m::Addrtype { source, destination, flags: 0 });
    let (unicast, local, multicast, unreachable) = (1 << 1, 1 << 2, 1 << 5, 1 << 7);
    let p = ip6(17, &[0; 8]);
    assert!(is(&h, &p, addrtype(0, local)));
    assert!(is(&h, &p, addrtype(unicast | unreachable, unicast | local)));
    assert!(!is(&h, &p, addrtype(0, multicast)), "needs no routing table");
    assert!(is(&host(), &p, addrtype(unicast, 0)));
    assert!(is_open(&host(), &p, addrtype(0, local)));
}
