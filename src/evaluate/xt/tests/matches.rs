//! Matches that the kernel at hand lacks, or that need a host to ask.

use super::*;
use crate::evaluate::packet::{Ct, CtState, Owner};
use crate::sys::ct::L4;
use crate::sys::xt::matches::{self as m, decode};
use crate::sys::{Text, TextRef};

fn host() -> Host {
    Host::default()
}

#[test]
fn l2tp_ids_are_where_version_and_type_put_them() {
    let l2tp = |tunnel, session, version, kind, flags| Match::L2tp(m::L2tp { tunnel, session, version, kind, flags });
    let (tid, sid, version, kind) = (m::L2tp::TUNNEL, m::L2tp::SESSION, m::L2tp::VERSION, m::L2tp::KIND);
    // Version 2 data with a length field: the ids come two bytes later.
    let data = udp(1701, &[0x40, 2, 0, 12, 0, 7, 0, 9]);
    assert!(is(&host(), &data, l2tp(7, 9, 2, 1, tid | sid | version | kind)));
    assert!(!is(&host(), &data, l2tp(8, 9, 2, 1, tid | sid)));
    assert!(!is(&host(), &data, l2tp(7, 9, 2, 0, kind)));
    // Version 3 control has only a tunnel, data only a session.
    let control = udp(1701, &[0x80, 3, 0, 12, 0, 0, 0, 7]);
    assert!(is(&host(), &control, l2tp(7, 99, 3, 0, tid | sid | version | kind)));
    let data = udp(1701, &[0, 3, 0, 0, 0, 0, 0, 9]);
    assert!(is(&host(), &data, l2tp(99, 9, 3, 1, tid | sid | version | kind)));
    // Over IP a first word of 0 means control.
    assert!(is(&host(), &ip4(115, &[0, 0, 0, 5]), l2tp(0, 5, 3, 1, sid | version)));
    assert!(is(&host(), &ip4(115, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]), l2tp(6, 0, 3, 0, tid | kind)));
    assert!(!is(&host(), &ip4(115, &[0, 0]), l2tp(0, 0, 3, 1, 0)));
    assert!(!is(&host(), &ip4(6, &[0; 20]), l2tp(0, 0, 3, 1, 0)));
}

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
fn a_connection_is_seen_from_both_ends() {
    let orig = Tuple::ports(17, (A.into(), 4000), (B.into(), 53));
    // Translated at both ends.
    let reply = Tuple::ports(17, ([172, 16, 0, 5].into(), 5353), ([198, 51, 100, 1].into(), 1024));
    let mut p = udp(53, b"");
    p.ct = Ct {
        state: Fact::Is(CtState::Established),
        reply: Fact::Is(false),
        status: Fact::Is(0b11_1011_0010 & 0x1ff),
        original: Fact::Is(orig),
        answers: Fact::Is(reply),
        flow: flow(orig, reply),
        ..Ct::default()
    };
    let base = m::Conntrack {
        matched: 0,
        invert: 0,
        states: 0,
        status: 0,
        proto: 0,
        original_source: (A.into(), [255, 255, 255, 0].into()),
        original_destination: (B.into(), [255; 4].into()),
        reply_source: ([172, 16, 0, 0].into(), [255, 255, 0, 0].into()),
        reply_destination: ([198, 51, 100, 1].into(), [255; 4].into()),
        original_source_ports: (4000, 4100),
        original_destination_ports: (53, 0),
        reply_source_ports: (1, 10_000),
        reply_destination_ports: (1025, 65_535),
        expires: (0, 10),
    };
    type C = m::Conntrack;
    let with = |change: &dyn Fn(&mut C)| {
        let mut c = base;
        change(&mut c);
        Match::Conntrack(c)
    };
    let ct = |matched, invert| with(&|c| (c.matched, c.invert) = (matched, invert));
    let all = C::ORIGINAL_SOURCE | C::ORIGINAL_DESTINATION | C::REPLY_SOURCE | C::REPLY_DESTINATION;
    assert!(is(&host(), &p, ct(all, 0)));
    assert!(!is(&host(), &p, ct(all, C::REPLY_SOURCE)));
    assert!(is(&host(), &p, ct(C::ORIGINAL_SOURCE_PORT | C::ORIGINAL_DESTINATION_PORT | C::REPLY_SOURCE_PORT, 0)));
    assert!(!is(&host(), &p, ct(C::REPLY_DESTINATION_PORT, 0)));
    assert!(is(&host(), &p, ct(C::REPLY_DESTINATION_PORT, C::REPLY_DESTINATION_PORT)));
    let state = |states, invert| with(&|c| (c.matched, c.states, c.invert) = (C::STATE, states, invert));
    assert!(is(&host(), &p, state(C::STATE_ESTABLISHED, 0)));
    assert!(is(&host(), &p, state(C::STATE_DNAT, 0)));
    assert!(!is(&host(), &p, state(C::STATE_NEW | C::STATE_INVALID, 0)));
    assert!(is(&host(), &p, ct(C::DIRECTION, 0)));
    assert!(!is(&host(), &p, ct(C::DIRECTION, C::DIRECTION)));
    assert!(is_open(&host(), &p, ct(C::EXPIRES, 0)));
    let status = |status| with(&|c| (c.matched, c.status) = (C::STATUS, status));
    assert!(is(&host(), &p, status(C::STATUS_SEEN_REPLY)));
    assert!(!is(&host(), &p, status(C::STATUS_EXPECTED)));
    assert!(!is(&host(), &p, status(0)), "NONE matches nothing but inverted");
    // Without a connection only the state counts.
    p.ct = Ct { state: Fact::Is(CtState::Invalid), ..Ct::default() };
    assert!(is(&host(), &p, with(&|c| (c.matched, c.states) = (C::STATE | C::PROTO, C::STATE_INVALID))));
    assert!(!is(&host(), &p, ct(C::PROTO, C::PROTO)));
    // Before the conntrack hook everything is invalid, but what a template makes new.
    p.ct = Ct::default();
    assert!(is(&host(), &p, state(C::STATE_INVALID, 0)));
    p.ct.template = true;
    assert!(is(&host(), &p, state(C::STATE_NEW, 0)));
}

#[test]
fn two_rules_never_take_one_packet_for_new_and_established() {
    let mut p = udp(53, b"");
    p.ct.state = Fact::unknown("conntrack state");
    let state = |states| Match::State(m::State { states });
    let both = each(&host(), &p, Hook::Input, |cx| {
        let new = matches_packet(cx, Family::Ip, &state(m::Conntrack::STATE_NEW.into()));
        let established = matches_packet(cx, Family::Ip, &state(m::Conntrack::STATE_ESTABLISHED.into()));
        (new, established)
    });
    assert_eq!(both.len(), 3);
    assert!(!both.contains(&(Outcome::Yes, Outcome::Yes)));
}

#[test]
fn icmp_tuples_have_an_id_and_a_type_for_ports() {
    let mut p = ip4(1, &[8, 0, 0, 0, 0x12, 0x34, 0, 1]);
    let orig =
        Tuple { src: A.into(), dst: B.into(), protocol: 1, l4: L4::Icmp { kind: 8, code: 0, id: 0x1234 }, zone: None };
    p.ct.state = Fact::Is(CtState::New);
    p.ct.original = Fact::Is(orig);
    p.ct.answers = orig.inverted().into();
    let any = (IpAddr::from(A), IpAddr::from([0; 4]));
    let c = m::Conntrack {
        matched: m::Conntrack::ORIGINAL_SOURCE_PORT | m::Conntrack::ORIGINAL_DESTINATION_PORT,
        invert: 0,
        states: 0,
        status: 0,
        proto: 0,
        original_source: any,
        original_destination: any,
        reply_source: any,
        reply_destination: any,
        original_source_ports: (0x1234, 0x1234),
        original_destination_ports: (0x0800, 0x0800),
        reply_source_ports: (0, 0),
        reply_destination_ports: (0, 0),
        expires: (0, 0),
    };
    assert!(is(&host(), &p, Match::Conntrack(c)));
}

#[test]
fn labels_helpers_and_marks_belong_to_the_connection() {
    let orig = Tuple::ports(17, (A.into(), 4000), (B.into(), 53));
    let mut f = Flow::of(orig, orig.inverted().unwrap());
    f.labels = Some(1 << 5);
    let mut p = udp(53, b"");
    p.ct.state = Fact::Is(CtState::Established);
    p.ct.flow = Fact::Is(Arc::new(f.clone()));
    p.ct.mark = Fact::Is(0x15);
    let label = |bit, options| Match::Connlabel(m::Connlabel { bit, options });
    assert!(is(&host(), &p, label(5, 0)) && !is(&host(), &p, label(4, 0)));
    assert!(is(&host(), &p, label(4, m::Connlabel::INVERT)));
    assert!(is(&host(), &p, label(4, m::Connlabel::SET)), "what has a label has room for others");
    p.ct.flow = Fact::Is(Arc::new(Flow { labels: None, ..f.clone() }));
    assert!(is_open(&host(), &p, label(4, m::Connlabel::SET)), "an old connection may have no room");
    let helper = Match::Helper(m::Helper { name: TextRef::new(b"ftp"), invert: false });
    assert!(!is(&host(), &p, helper));
    f.master = Some(orig);
    p.ct.flow = Fact::Is(Arc::new(f));
    assert!(is_open(&host(), &p, helper));
    let mark = |mark, mask, invert| Match::Connmark(m::Connmark { mark, mask, invert });
    assert!(is(&host(), &p, mark(5, 0xf, 0)) && is(&host(), &p, mark(4, 0xf, 1)));
    p.ct.state = Fact::Is(CtState::Untracked);
    assert!(!is(&host(), &p, mark(4, 0xf, 1)), "without a connection not even inverted");
    assert!(is(&host(), &p, label(5, m::Connlabel::INVERT)));
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
fn strings_end_within_the_range_since_6_6_and_began_there_before() {
    let find = |to, flags| {
        let mut data = vec![0u8; 152];
        data[..2].copy_from_slice(&0u16.to_ne_bytes());
        data[2..4].copy_from_slice(&u16::to_ne_bytes(to));
        data[4..6].copy_from_slice(b"bm");
        data[20..26].copy_from_slice(b"needle");
        data[148] = 6;
        data[149] = flags;
        data
    };
    let p = udp(1, b"a Needle");
    let at = 20 + 8 + 2;
    let released = |release| Host { release, ..host() };
    let says = |h: &Host, to, flags| is(h, &p, decode(Family::Ip, b"string", 1, &find(to, flags)));
    assert!(!says(&host(), 65_535, 0));
    assert!(says(&host(), 65_535, m::StringMatch::IGNORE_CASE));
    assert!(!says(&host(), 65_535, m::StringMatch::IGNORE_CASE | m::StringMatch::INVERT));
    assert!(says(&host(), at + 6, m::StringMatch::IGNORE_CASE));
    assert!(says(&released(Some("6.1.0-13-amd64")), at + 5, m::StringMatch::IGNORE_CASE));
    assert!(!says(&released(Some("6.12.41")), at + 5, m::StringMatch::IGNORE_CASE));
    assert!(!says(&released(Some("5.10.0")), at - 1, m::StringMatch::IGNORE_CASE));
    assert!(is_open(&host(), &p, decode(Family::Ip, b"string", 1, &find(at + 5, m::StringMatch::IGNORE_CASE))));
    let mut cut = p.clone();
    cut.bytes.truncate(29);
    assert!(is_open(&host(), &cut, decode(Family::Ip, b"string", 1, &find(65_535, 0))));
}

#[test]
fn chance_is_open_unless_there_is_none() {
    let p = udp(1, b"");
    let statistic = |mode: u16, value: u32, packet: u32| {
        let data = [&mode.to_ne_bytes()[..], &[0, 0], &value.to_ne_bytes(), &packet.to_ne_bytes(), &[0; 12]].concat();
        let data: &'static [u8] = data.leak();
        decode(Family::Ip, b"statistic", 0, data)
    };
    assert!(!is(&host(), &p, statistic(m::Statistic::RANDOM, 0, 0)));
    assert!(is(&host(), &p, statistic(m::Statistic::RANDOM, 1 << 31, 0)));
    assert!(is_open(&host(), &p, statistic(m::Statistic::RANDOM, 1 << 30, 0)));
    assert!(is(&host(), &p, statistic(m::Statistic::NTH, 0, 0)));
    assert!(is_open(&host(), &p, statistic(m::Statistic::NTH, 2, 0)));
    assert!(is_open(&host(), &p, Match::Limit(m::Limit { average: 10_000, burst: 5 })));
    let connlimit = |limit, flags| Match::Connlimit(m::Connlimit { mask: [255; 4].into(), limit, flags });
    assert!(is(&host(), &p, connlimit(0, 0)), "the packet's own connection is one");
    assert!(!is(&host(), &p, connlimit(0, m::Connlimit::INVERT)));
    assert!(is_open(&host(), &p, connlimit(3, 0)));
    let recent = |what, invert| {
        let name = TextRef::new(b"r");
        Match::Recent(m::Recent { name, seconds: 0, hits: 0, what, invert, side: 0, mask: None })
    };
    assert!(is(&host(), &p, recent(m::Recent::SET, false)) && !is(&host(), &p, recent(m::Recent::SET, true)));
    assert!(is_open(&host(), &p, recent(m::Recent::CHECK, false)));
    assert!(is_open(
        &host(),
        &p,
        Match::Unknown { name: TextRef::new(b"new"), revision: 3, data: crate::sys::xt::Bytes(b"") }
    ));
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

#[test]
fn bpf_programs_run_and_what_they_ask_beside_the_packet_may_be_open() {
    let program = |code: &[(u16, u8, u8, u32)]| {
        let mut data = vec![0, 0];
        data.extend((code.len() as u16).to_ne_bytes());
        data.extend([0; 4]);
        for (op, jt, jf, k) in code {
            data.extend(op.to_ne_bytes());
            data.extend([*jt, *jf]);
            data.extend(k.to_ne_bytes());
        }
        data.resize(8 + 64 * 8, 0);
        let data: &'static [u8] = data.leak();
        decode(Family::Ip, b"bpf", 1, data)
    };
    let p = udp(53, b"");
    // ldx 4*([0]&0xf); ldh [x+2]; jeq #53
    let port = |n| program(&[(0xb1, 0, 0, 0), (0x48, 0, 0, 2), (0x15, 0, 1, n), (6, 0, 0, 1), (6, 0, 0, 0)]);
    assert!(is(&host(), &p, port(53)) && !is(&host(), &p, port(54)));
    // A load outside of the packet ends the program with 0; so does a division by zero.
    assert!(!is(&host(), &p, program(&[(0x20, 0, 0, 100), (6, 0, 0, 1)])));
    assert!(!is(&host(), &p, program(&[(0x01, 0, 0, 0), (0x3c, 0, 0, 0), (6, 0, 0, 1)])));
    // The mark, and the link header.
    let ancillary =
        |what: i32| program(&[(0x20, 0, 0, (-0x1000 + what) as u32), (0x15, 0, 1, 0), (6, 0, 0, 1), (6, 0, 0, 0)]);
    assert!(is(&host(), &p, ancillary(20)));
    assert!(is_open(&host(), &p, ancillary(36)), "which CPU");
    assert!(is_open(&host(), &p, program(&[(0x20, 0, 0, -0x20_0000i32 as u32), (6, 0, 0, 1)])));
}

#[test]
fn no_match_panics_on_any_prefix_of_a_packet() {
    let kinds: [(&[u8], u8, usize); 20] = [
        (b"tcp", 0, 12),
        (b"udp", 0, 10),
        (b"sctp", 0, 80),
        (b"dccp", 0, 16),
        (b"icmp", 0, 4),
        (b"icmp6", 0, 4),
        (b"ah", 0, 16),
        (b"esp", 0, 12),
        (b"frag", 0, 16),
        (b"hbh", 0, 42),
        (b"dst", 0, 42),
        (b"rt", 0, 280),
        (b"srh", 1, 112),
        (b"ipv6header", 0, 3),
        (b"mh", 0, 3),
        (b"tcpmss", 0, 6),
        (b"multiport", 1, 50),
        (b"l2tp", 0, 12),
        (b"u32", 0, 2000),
        (b"string", 1, 152),
    ];
    let extended = [
        &[43u8, 0, 1, 4, 0, 0, 0, 0][..],
        &[44, 2, 4, 1, 1, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
        &[60, 0, 0, 1, 0, 0, 0, 1],
        &[51, 0, 1, 4, 0, 0, 0, 0],
        &[135, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[59, 0, 1, 0, 0, 0, 0, 0],
    ]
    .concat();
    let packets = [ip6(0, &extended), tcp(80, 2, &[2, 4, 5, 0xb4, 1, 1, 1, 0]), ip4(132, &[0; 40]), ip4(33, &[7; 60])];
    for whole in packets {
        for length in 0..=whole.bytes.len() {
            for claimed in [length, whole.bytes.len()] {
                let mut p = whole.clone();
                p.bytes.truncate(length);
                p.length = claimed;
                for (name, revision, size) in kinds {
                    for fill in [0, 1, 0x11, 0xff] {
                        let payload = vec![fill; size];
                        let decoded = decode(family(&p), name, revision, &payload);
                        let mut assumptions = Assumptions::new();
                        let h = host();
                        let mut cx = Context::new(p.clone(), Hook::Input, &h, &mut assumptions);
                        cx.explain = true;
                        matches_packet(&mut cx, family(&p), &decoded);
                    }
                }
            }
        }
    }
}
