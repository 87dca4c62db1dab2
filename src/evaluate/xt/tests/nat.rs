//! Address translation by hand; ranges and hashes are proved on the kernel.

use super::*;
use crate::evaluate::nat::{Manip, rewrite, tuple_of};
use crate::evaluate::packet::CtState;
use crate::sys::ct::Status;
use crate::sys::xt::targets::Nat;

/// The first packet of a connection.
fn begins(mut p: Packet) -> Packet {
    let tuple = tuple_of(&p).unwrap();
    p.ct.state = Fact::Is(CtState::New);
    p.ct.status = Fact::Is(0);
    p.ct.original = Fact::Is(tuple);
    p.ct.answers = tuple.inverted().into();
    p
}

fn nat(flags: u32, address: [u8; 4], ports: (u16, u16)) -> Nat {
    Nat {
        flags,
        min_address: address.into(),
        max_address: address.into(),
        min_port: ports.0,
        max_port: ports.1,
        base_port: 0,
    }
}

fn free() -> Host {
    Host { taken: Some(false), ..Host::default() }
}

fn is_right(p: &Packet) -> bool {
    checksum::of(&p.bytes[..20]) == 0 && checksum::transport_is_right(p, p.bytes[9], 20) == Fact::Is(true)
}

#[test]
fn one_address_and_port_are_set_and_the_answers_follow() {
    let to = nat(Nat::MAP_IPS | Nat::PROTO_SPECIFIED, [172, 16, 0, 5], (5353, 5353));
    let (decision, p) = after(&free(), &begins(udp(53, b"x")), Hook::Prerouting, Target::Dnat(to));
    assert_eq!(decision, Decision::Accept);
    assert_eq!(p.bytes[16..24], [172, 16, 0, 5, 0x0f, 0xa0, 0x14, 0xe9]);
    assert!(is_right(&p));
    let status = Status::from_bits_retain(*p.ct.status.value().unwrap());
    assert_eq!(status, Status::DST_NAT | Status::DST_NAT_DONE);
    let answers = p.ct.answers.value().unwrap();
    assert_eq!((answers.src, answers.src_port(), answers.dst), ([172, 16, 0, 5].into(), Some(5353), A.into()));
    // Source NAT of the same packet builds on that.
    let (_, p) = after(&free(), &p, Hook::Postrouting, Target::Snat(nat(Nat::MAP_IPS, [198, 51, 100, 1], (0, 0))));
    let answers = p.ct.answers.value().unwrap();
    assert_eq!(
        (answers.src, answers.dst, answers.dst_port()),
        ([172, 16, 0, 5].into(), [198, 51, 100, 1].into(), Some(4000))
    );
    assert!(is_right(&p));
    assert_eq!(p.ct.original.value().unwrap().dst, IpAddr::from(B));
}

#[test]
fn a_port_that_nobody_can_tell_is_blurred_and_no_more_than_that() {
    let random = nat(Nat::MAP_IPS | Nat::PROTO_RANDOM_FULLY, [198, 51, 100, 1], (0, 0));
    let (_, p) = after(&free(), &begins(tcp(80, 2, b"")), Hook::Postrouting, Target::Snat(random));
    assert!(p.read(20, 2).is_unknown() && p.ports().is_none());
    assert_eq!(p.read(22, 2), Fact::Is(&[0, 80][..]));
    assert_eq!(p.read(12, 4), Fact::Is(&[198, 51, 100, 1][..]));
    // Whether the port is free decides whether it stays.
    let keep = Target::Snat(nat(Nat::MAP_IPS, [198, 51, 100, 1], (0, 0)));
    let begun = begins(tcp(80, 2, b""));
    let ports = |h: &Host| {
        let mut all = each(h, &begun, Hook::Postrouting, |cx| {
            apply(cx, Family::Ip, &keep);
            cx.packet.ports()
        });
        all.sort();
        all
    };
    assert_eq!(ports(&free()), [Some((4000, 80))]);
    assert_eq!(ports(&Host { taken: Some(true), ..Host::default() }), [None]);
    assert_eq!(ports(&Host::default()), [None, Some((4000, 80))]);
}

#[test]
fn masquerading_needs_an_address() {
    let masquerade = Target::Masquerade(nat(0, [0; 4], (0, 0)));
    let mut p = begins(udp(53, b""));
    p.oif = Fact::Is(Device { index: 3, name: Fact::Is("ppp0".into()) });
    p.route = Fact::Is(FibAnswer { kind: 1, oif: 3, ..FibAnswer::default() });
    assert_eq!(after(&free(), &p, Hook::Postrouting, masquerade).0, Decision::Drop);
    let with = Host { address: Some([203, 0, 113, 7].into()), ..free() };
    let (decision, q) = after(&with, &p, Hook::Postrouting, masquerade);
    assert_eq!((decision, &q.bytes[12..16]), (Decision::Accept, &[203, 0, 113, 7][..]));
    let redirect = Target::Redirect(nat(Nat::PROTO_SPECIFIED, [0; 4], (3128, 3128)));
    assert_eq!(after(&with, &p, Hook::Prerouting, redirect).1.ports(), Some((4000, 3128)));
    assert_eq!(after(&with, &p, Hook::Output, redirect).1.bytes[16..20], [127, 0, 0, 1]);
}

#[test]
fn a_network_is_mapped_onto_another_and_a_known_connection_is_left_alone() {
    let map =
        Target::Netmap(Nat { max_address: [172, 16, 255, 255].into(), ..nat(Nat::MAP_IPS, [172, 16, 0, 0], (0, 0)) });
    let p = begins(udp(53, b""));
    assert_eq!(after(&free(), &p, Hook::Prerouting, map).1.bytes[16..20], [172, 16, 2, 9]);
    assert_eq!(after(&free(), &p, Hook::Postrouting, map).1.bytes[12..16], [172, 16, 0, 1]);
    let mut known = p.clone();
    known.ct.state = Fact::Is(CtState::Established);
    let (decision, q) = after(&free(), &known, Hook::Prerouting, map);
    assert_eq!((decision, q.bytes), (Decision::Accept, known.bytes));
}

#[test]
fn pings_are_told_apart_by_their_id() {
    let p = begins(ip4(1, &[8, 0, 0, 0, 0x12, 0x34, 0, 1]));
    let to = nat(Nat::MAP_IPS | Nat::PROTO_SPECIFIED, [198, 51, 100, 1], (77, 77));
    let (_, q) = after(&free(), &p, Hook::Postrouting, Target::Snat(to));
    assert_eq!(q.bytes[24..26], [0, 77]);
    assert!(is_right(&q));
    // An error message has no id.
    let mut error = ip4(1, &[3, 1, 0, 0, 0x12, 0x34, 0, 1]);
    rewrite(&mut error, Manip::Source, Fact::Is([1, 2, 3, 4].into()), Fact::Is(9));
    assert_eq!(error.bytes[24..26], [0x12, 0x34]);
}

#[test]
fn rewriting_survives_packets_cut_anywhere() {
    let whole = begins(tcp(80, 2, &[2, 4, 5, 0xb4]));
    for n in 0..whole.bytes.len() {
        let mut p = whole.clone();
        p.bytes.truncate(n);
        for manip in [Manip::Source, Manip::Destination] {
            rewrite(&mut p, manip, Fact::Is([1, 2, 3, 4].into()), Fact::Is(9));
            rewrite(&mut p, manip, Fact::unknown("x"), Fact::unknown("y"));
        }
    }
}
