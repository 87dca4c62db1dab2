//! What is in the packet.

use super::super::*;
use super::host;
use crate::sys::TextRef;
use crate::sys::xt::matches::{self as m, decode};

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
