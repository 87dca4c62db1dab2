//! What targets make of a packet.

use super::*;
use crate::evaluate::effect::{Effect, LogTo};
use crate::evaluate::packet::CtState;
use crate::sys::TextRef;
use crate::sys::xt::targets as t;

fn host() -> Host {
    Host::default()
}

/// The packet after a target that lets it go on.
fn goes_on(packet: &Packet, target: Target<'_>) -> Packet {
    let (decision, packet) = after(&host(), packet, Hook::Forward, target);
    assert_eq!(decision, Decision::Next);
    packet
}

/// Are both checksums of an IPv4 TCP packet right?
fn is_right(p: &Packet) -> bool {
    checksum::of(&p.bytes[..20]) == 0 && checksum::transport_is_right(p, p.bytes[9], 20) == Fact::Is(true)
}

#[test]
fn marks_are_known_where_they_are_set_whole() {
    let mark = |mark, mask| Target::Mark(t::Mark { mark, mask });
    let mut p = udp(1, b"");
    p.mark = Fact::Is(0xf0);
    assert_eq!(goes_on(&p, mark(0x3, 0x30)).mark, Fact::Is(0xc3));
    p.mark = Fact::unknown("packet mark");
    assert!(goes_on(&p, mark(0x3, 0x30)).mark.is_unknown());
    assert_eq!(goes_on(&p, mark(0x3, u32::MAX)).mark, Fact::Is(3));

    let connmark = |mode, ctmark, ctmask, nfmask, shift_direction, shift_bits| {
        Target::Connmark(t::Connmark { mode, ctmark, ctmask, nfmask, shift_direction, shift_bits })
    };
    p.mark = Fact::Is(0x0012);
    p.ct.mark = Fact::Is(0xab00);
    p.ct.state = Fact::Is(CtState::New);
    assert_eq!(goes_on(&p, connmark(t::Connmark::SAVE, 0, 0xff, 0xff, 0, 0)).ct.mark, Fact::Is(0xab12));
    assert_eq!(goes_on(&p, connmark(t::Connmark::RESTORE, 0, 0xff00, 0xff00, 0, 0)).mark, Fact::Is(0xab12));
    assert_eq!(goes_on(&p, connmark(t::Connmark::SAVE, 0, 0xff00, 0xff, 0, 8)).ct.mark, Fact::Is(0x1200));
    assert_eq!(goes_on(&p, connmark(t::Connmark::SET, 1, u32::MAX, 0, 0, 4)).ct.mark, Fact::Is(0x10));
    p.ct.state = Fact::Is(CtState::Untracked);
    assert_eq!(goes_on(&p, connmark(t::Connmark::RESTORE, 0, u32::MAX, u32::MAX, 0, 0)).mark, Fact::Is(0x12));
}

#[test]
fn a_template_gives_the_zone_and_nobody_changes_what_was_tracked() {
    let ct = |flags, zone| {
        let (helper, timeout) = (TextRef::new(b""), TextRef::new(b""));
        Target::Ct(t::Ct { flags, zone, events: 0, expectation_events: 0, helper, timeout })
    };
    let mut p = udp(1, b"");
    p.mark = Fact::Is(9);
    let q = goes_on(&p, ct(0, 5));
    assert_eq!((q.ct.template, q.ct.zone.clone(), q.ct.state.clone()), (true, Fact::Is(Zone::both(5)), Fact::Absent));
    assert_eq!(goes_on(&q, ct(t::Ct::NOTRACK, 0)).ct.state, Fact::Absent, "the first rule counts");
    assert_eq!(goes_on(&p, ct(t::Ct::ZONE_MARK, 0)).ct.zone, Fact::Is(Zone::both(9)));
    let q = goes_on(&p, Target::Notrack);
    assert_eq!(q.ct.state, Fact::Is(CtState::Untracked));
    assert!(!goes_on(&q, ct(0, 5)).ct.template);
}

#[test]
fn logs_copies_and_sets_are_told_of() {
    let effects = |target: Target<'_>| {
        let mut all = each(&host(), &udp(1, b""), Hook::Input, |cx| {
            assert_eq!(apply(cx, Family::Ip, &target), Decision::Next);
            std::mem::take(&mut cx.effects)
        });
        all.remove(0).remove(0)
    };
    let prefix = TextRef::new(b"drop: ");
    let nflog = t::Nflog { len: 0, group: 5, threshold: 0, flags: 0, prefix };
    assert_eq!(effects(Target::Nflog(nflog)), Effect::Log { to: LogTo::Nflog { group: 5 }, prefix: "drop: ".into() });
    let log = t::Log { level: 4, flags: 0, prefix };
    assert_eq!(effects(Target::Log(log)), Effect::Log { to: LogTo::Syslog { level: 4 }, prefix: "drop: ".into() });
    assert_eq!(effects(Target::Trace), Effect::Trace);
    let tee = t::Tee { gateway: B.into(), oif: TextRef::new(b"") };
    assert_eq!(effects(Target::Tee(tee)), Effect::Copy { gateway: Some(B.into()), device: None });
}

#[test]
fn verdicts_and_queues_end_the_walk() {
    let p = udp(1, b"");
    let queue = Target::Nfqueue(t::Nfqueue { queue: 3, total: 4, flags: t::Nfqueue::BYPASS, revision: 3 });
    assert_eq!(after(&host(), &p, Hook::Input, queue).0, Decision::Queue { queue: 3, count: 4, bypass: true });
    let unknown = Target::Unknown { name: TextRef::new(b"NEW"), revision: 0, data: crate::sys::xt::Bytes(b"") };
    assert!(matches!(after(&host(), &p, Hook::Input, unknown).0, Decision::Unknown(_)));
    let reject = |with| after(&host(), &p, Hook::Input, Target::Reject(t::Reject::Ip(with))).0;
    assert!(matches!(reject(3), Decision::Reject(with) if with.name() == "icmp-port-unreachable"));
    assert_eq!(reject(4), Decision::Drop, "answered with nothing");
}

#[test]
fn segment_sizes_are_lowered_or_put_in_and_the_checksums_stay_right() {
    let mss = |mss| Target::Tcpmss(t::Tcpmss { mss });
    let p = tcp(80, 0x02, &[2, 4, 0x05, 0xb4]);
    let q = goes_on(&p, mss(1000));
    assert_eq!(q.bytes[40..44], [2, 4, 0x03, 0xe8]);
    assert!(is_right(&q));
    assert_eq!(goes_on(&p, mss(9000)).bytes, p.bytes, "never raised");
    let p = tcp(80, 0x02, &[1, 1, 1, 0]);
    let q = goes_on(&p, mss(400));
    assert_eq!(q.bytes[40..48], [2, 4, 0x01, 0x90, 1, 1, 1, 0]);
    assert_eq!((q.length, q.bytes[3], q.bytes[32] >> 4), (48, 48, 7));
    assert!(is_right(&q));
    assert_eq!(goes_on(&p, mss(1400)).bytes[42..44], 536u16.to_be_bytes());
    // Clamped to a path MTU that nobody knows, the value is not known either.
    let q = goes_on(&tcp(80, 0x02, &[2, 4, 0x05, 0xb4]), mss(t::Tcpmss::CLAMP_TO_PMTU));
    assert!(q.read(42, 2).is_unknown());
    let short = ip4(6, &[0; 12]);
    assert_eq!(after(&host(), &short, Hook::Forward, mss(1000)).0, Decision::Drop);
}

#[test]
fn header_fields_change_with_their_checksums() {
    let p = tcp(80, 0xc2, &[1, 8, 2, 0]);
    let q = goes_on(&p, Target::Ttl(t::Ttl { mode: 2, ttl: 70 }));
    assert_eq!(q.bytes[8], 0);
    let q = goes_on(&q, Target::Tos(t::Tos { value: 0x10, mask: 0xfc }));
    let q = goes_on(&q, Target::Ecn(t::Ecn { operation: 0x31, ip: 2, tcp: 0 }));
    assert_eq!((q.bytes[1], q.bytes[33]), (0x12, 0x02));
    let q = goes_on(&q, Target::Dscp(t::Dscp { dscp: 46 }));
    assert_eq!(q.bytes[1], 0xba);
    assert!(is_right(&q));
    let six = ip6(6, &p.bytes[20..]);
    let q = goes_on(&six, Target::HopLimit(t::Ttl { mode: 1, ttl: 250 }));
    assert_eq!(q.bytes[7], 255);
    assert_eq!(goes_on(&six, Target::Dscp(t::Dscp { dscp: 46 })).bytes[..2], [0x6b, 0x80]);
}

#[test]
fn a_proxy_takes_what_a_transparent_socket_waits_for() {
    let socket = |transparent| SocketFacts {
        transparent: Fact::Is(transparent),
        mark: Fact::Absent,
        wildcard: false,
        uid: Fact::Absent,
        cgroup: Fact::Absent,
    };
    let target = Target::Tproxy(t::Tproxy { mark_mask: 1, mark_value: 1, address: A.into(), port: 3128 });
    let p = tcp(80, 0x02, b"");
    let mut h = host();
    assert_eq!(after(&h, &p, Hook::Prerouting, target).0, Decision::Drop);
    h.sockets.insert((6, A.into(), 3128), socket(false));
    assert_eq!(after(&h, &p, Hook::Prerouting, target).0, Decision::Drop);
    h.sockets.insert((6, A.into(), 3128), socket(true));
    let (decision, q) = after(&h, &p, Hook::Prerouting, target);
    assert_eq!((decision, q.mark), (Decision::Accept, Fact::Is(1)));

    let synproxy = |p: &Packet| {
        let target: &'static [u8] = &[0x0f, 7, 0xb4, 0x05];
        let target = t::decode(Family::Ip, b"SYNPROXY", 0, target);
        each(&host(), p, Hook::Input, |cx| apply(cx, Family::Ip, &target))
    };
    assert_eq!(synproxy(&tcp(80, 0x02, b"")), [Decision::Stolen("SYNPROXY".into())]);
    assert_eq!(synproxy(&tcp(80, 0x12, b"")), [Decision::Next]);
    assert_eq!(synproxy(&tcp(80, 0x10, b"")), [Decision::Stolen("SYNPROXY".into()), Decision::Drop]);
    assert_eq!(synproxy(&ip4(6, &[0; 8])), [Decision::Drop]);
}

#[test]
fn arp_addresses_are_rewritten() {
    let mut b = vec![0, 1, 8, 0, 6, 4, 0, 1];
    b.extend([7; 20]);
    let p = Packet::new(Network::Arp, b);
    let mangle = |flags, verdict| {
        Target::Mangle(t::Mangle {
            source_mac: [1; 16],
            target_mac: [2; 16],
            source_ip: A.into(),
            target_ip: B.into(),
            flags,
            verdict,
        })
    };
    let run = |flags, verdict| {
        let mut all = each(&host(), &p, Hook::Input, |cx| {
            (apply(cx, Family::Arp, &mangle(flags, verdict)), cx.packet.bytes.clone())
        });
        all.remove(0)
    };
    let (decision, bytes) = run(t::Mangle::SOURCE_IP | t::Mangle::TARGET_MAC, 1);
    assert_eq!(decision, Decision::Accept);
    assert_eq!(bytes[8..], [&[7; 6][..], &A, &[2; 6], &[7; 4]].concat());
    assert_eq!(run(t::Mangle::SOURCE_MAC, -1).0, Decision::Next);
    assert_eq!(run(t::Mangle::SOURCE_MAC, 0).0, Decision::Drop);
}
