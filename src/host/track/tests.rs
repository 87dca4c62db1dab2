//! Packets against a described table.

use super::*;
use crate::evaluate::Device;
use crate::evaluate::headers::Network;
use crate::host::{FakeHost, Usage};
use crate::sys::ct::{Expectation, ProtoInfo, TcpFlags, TcpState, ZoneScope};

const CLIENT: [u8; 4] = [192, 0, 2, 2];
const SERVER: [u8; 4] = [192, 0, 2, 1];

/// An IPv4 packet with right checksums that came in by an interface.
fn packet(src: [u8; 4], dst: [u8; 4], protocol: u8, payload: &[u8]) -> Packet {
    let length = (20 + payload.len()) as u16;
    let mut b = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
    b[2..4].copy_from_slice(&length.to_be_bytes());
    b.extend(src);
    b.extend(dst);
    let sum = checksum::of(&b);
    b[10..12].copy_from_slice(&sum.to_be_bytes());
    let (place, pseudo) = match protocol {
        1 => (2, vec![]),
        17 => (6, [&b[12..20], &[0, protocol], &(payload.len() as u16).to_be_bytes()].concat()),
        _ => (16, [&b[12..20], &[0, protocol], &(payload.len() as u16).to_be_bytes()].concat()),
    };
    let sum = checksum::of(&[&pseudo, payload].concat());
    b.extend(payload);
    b[20 + place..22 + place].copy_from_slice(&sum.to_be_bytes());
    let mut p = Packet::new(Network::Ip4, b);
    p.iif = Fact::Is(Device { index: 2, name: Fact::Is("eth0".into()) });
    p
}

fn tcp(src: [u8; 4], sport: u16, dst: [u8; 4], dport: u16, flags: u8) -> Packet {
    let mut h = [sport.to_be_bytes(), dport.to_be_bytes()].concat();
    h.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0x10, 0, 0, 0, 0, 0]);
    packet(src, dst, 6, &h)
}

fn tuple() -> Tuple {
    Tuple::ports(6, (CLIENT.into(), 1000), (SERVER.into(), 80))
}

fn with_flow(state: TcpState, status: Status, flags: u8) -> FakeHost {
    let mut host = FakeHost::new();
    let answers = tuple().inverted().unwrap_or(tuple());
    let flags = TcpFlags { flags, mask: 0 };
    let protoinfo = Some(ProtoInfo::Tcp { state, window_scale: None, flags: Some((flags, flags)) });
    host.flows.push(Flow { status: Some(status), protoinfo, mark: Some(7), ..Flow::of(tuple(), answers) });
    host
}

/// The state, `lost`, or both of an either.
fn state(tracked: &Tracked) -> String {
    match tracked {
        Tracked::As(ct) => match (&ct.state, &ct.reply) {
            (Fact::Is(state), Fact::Is(true)) => format!("{} reply", state.name()),
            (Fact::Is(state), _) => state.name().to_owned(),
            other => format!("{other:?}"),
        },
        Tracked::Lost(o) => format!("lost: {}", o.detail.clone().unwrap_or_default()),
        Tracked::Either { likely, otherwise, .. } => format!("{} or {}", state(likely), state(otherwise)),
    }
}

fn tracked(host: &FakeHost, packet: &Packet) -> String {
    match track(host, packet) {
        Fact::Is(t) => state(&t),
        Fact::Absent => "absent".into(),
        Fact::Unknown(why) => format!("unknown: {why}"),
    }
}

#[test]
fn tcp_without_a_connection_begins_one_by_the_kernels_rules() {
    let mut host = FakeHost::new();
    let ask = |host: &FakeHost, flags| tracked(host, &tcp(CLIENT, 1000, SERVER, 80, flags));
    for (flags, expected) in [
        (0x02, "new"),
        (0xc2, "new"),
        (0x10, "new"),
        (0x12, "invalid"),
        (0x11, "invalid"),
        (0x04, "invalid"),
        (0x00, "invalid"),
        (0x29, "invalid"),
        (0x03, "invalid"),
    ] {
        assert_eq!(ask(&host, flags), expected, "flags {flags:#x}");
    }
    host.set("net.netfilter.nf_conntrack_tcp_loose", 0);
    assert_eq!(ask(&host, 0x10), "invalid");
    let mut broken = tcp(CLIENT, 1000, SERVER, 80, 0x02);
    broken.bytes[36] ^= 1;
    assert_eq!(tracked(&host, &broken), "invalid", "bad checksum");
    broken.iif = Fact::Absent;
    assert_eq!(tracked(&host, &broken), "new", "what this host sends is summed up later");
    host.usage = None;
    assert_eq!(ask(&host, 0x02), "absent");
}

#[test]
fn tcp_of_a_connection_follows_the_state_table() {
    let seen = Status::SEEN_REPLY | Status::ASSURED;
    let there = |host: &FakeHost, flags| tracked(host, &tcp(CLIENT, 1000, SERVER, 80, flags));
    let back = |host: &FakeHost, flags| tracked(host, &tcp(SERVER, 80, CLIENT, 1000, flags));
    let established = with_flow(TcpState::Established, seen, 0);
    assert_eq!(there(&established, 0x10), "established or invalid", "the window is not known");
    assert_eq!(there(&established, 0x02), "established", "a SYN is let pass to see what becomes of it");
    assert_eq!(back(&established, 0x12), "established reply");
    assert_eq!(back(&established, 0x02), "invalid");
    assert_eq!(there(&established, 0x12), "invalid");
    let liberal = with_flow(TcpState::Established, seen, BE_LIBERAL);
    assert_eq!(back(&liberal, 0x10), "established reply");
    assert_eq!(back(&liberal, 0x14), "established reply or invalid");
    let half_open = with_flow(TcpState::SynSent, Status::CONFIRMED, 0);
    assert_eq!(there(&half_open, 0x02), "new", "a SYN again");
    assert_eq!(there(&half_open, 0x10), "invalid");
    assert_eq!(back(&half_open, 0x12), "established reply or invalid");
    let over = with_flow(TcpState::TimeWait, seen, CLOSE_INIT);
    assert_eq!(there(&over, 0x02), "new", "the port is used again");
    let Fact::Is(Tracked::As(ct)) = track(&liberal, &tcp(SERVER, 80, CLIENT, 1000, 0x10)) else { return };
    assert_eq!((ct.mark, ct.original), (Fact::Is(7), Fact::Is(tuple())));
}

const CLOSE_INIT: u8 = 4;
const BE_LIBERAL: u8 = 8;

#[test]
fn a_full_table_loses_what_would_begin_a_connection() {
    let mut host = with_flow(TcpState::Established, Status::SEEN_REPLY | Status::ASSURED, BE_LIBERAL);
    host.usage = Some(Usage { count: 1, max: 1 });
    let syn = tcp(CLIENT, 2000, SERVER, 80, 0x02);
    assert_eq!(tracked(&host, &syn), "lost: table full");
    assert_eq!(tracked(&host, &tcp(CLIENT, 2000, SERVER, 80, 0x29)), "lost: table full", "the tracker is not asked");
    assert_eq!(tracked(&host, &tcp(CLIENT, 1000, SERVER, 80, 0x10)), "established", "old connections go on");
    host.flows[0].status = Some(Status::SEEN_REPLY);
    assert_eq!(tracked(&host, &syn), "lost: table full or new", "one could make room");
    host.usage = Some(Usage { count: 9, max: 0 });
    assert_eq!(tracked(&host, &syn), "new", "0 is no limit");
}

#[test]
fn icmp_errors_belong_to_the_connection_they_are_about() {
    let host = with_flow(TcpState::SynSent, Status::CONFIRMED, 0);
    let about = |inner: &Packet| [&[3, 1, 0, 0, 0, 0, 0, 0], inner.bytes.get(..28).unwrap_or(&[])].concat();
    let router = [198, 51, 100, 1];
    let error = about(&tcp(CLIENT, 1000, SERVER, 80, 0x02));
    assert_eq!(tracked(&host, &packet(router, CLIENT, 1, &error)), "related reply");
    assert_eq!(tracked(&host, &packet(router, [9, 9, 9, 9], 1, &error)), "invalid", "to somebody else");
    let stranger = about(&tcp(CLIENT, 9, SERVER, 80, 0x02));
    assert_eq!(tracked(&host, &packet(router, CLIENT, 1, &stranger)), "invalid");
    assert_eq!(tracked(&host, &packet(CLIENT, SERVER, 1, &[8, 0, 0, 0, 0, 1, 0, 1])), "new");
    assert_eq!(tracked(&host, &packet(CLIENT, SERVER, 1, &[0, 0, 0, 0, 0, 1, 0, 1])), "invalid", "no request before");
    assert_eq!(tracked(&host, &packet(CLIENT, SERVER, 1, &[42, 0, 0, 0, 0, 1, 0, 1])), "invalid");
}

#[test]
fn udp_is_checked_and_announced_connections_are_related() {
    let mut host = with_flow(TcpState::Established, Status::SEEN_REPLY, 0);
    let udp = |length: u8| packet(CLIENT, SERVER, 17, &[0, 9, 0, 53, 0, length, 0, 0, 1, 2]);
    assert_eq!(tracked(&host, &udp(10)), "new");
    assert_eq!(tracked(&host, &udp(11)), "invalid");
    assert_eq!(tracked(&host, &udp(7)), "invalid");
    let expected = Tuple::ports(17, (CLIENT.into(), 0), (SERVER.into(), 53));
    let mask = Tuple::ports(17, ([255; 4].into(), 0), ([255; 4].into(), 0xffff));
    host.expectations.push(Expectation {
        master: tuple(),
        tuple: expected,
        mask,
        timeout: None,
        id: None,
        helper: None,
        zone: None,
        flags: None,
        class: None,
    });
    assert_eq!(tracked(&host, &udp(10)), "related");
    let Fact::Is(Tracked::As(ct)) = track(&host, &udp(10)) else { return };
    assert_eq!(ct.mark, Fact::Is(7), "it has the mark of the connection that announced it");
}

#[test]
fn behind_translation_both_directions_are_found() {
    const OUTSIDE: [u8; 4] = [198, 51, 100, 1];
    const INSIDE: [u8; 4] = [10, 0, 0, 5];
    let behind = |host: &FakeHost, src, sport, dst, dport| match track_behind(host, &tcp(src, sport, dst, dport, 0x10))
    {
        // The window may say something else.
        Fact::Is(t) => state(&t).replace(" or invalid", ""),
        other => format!("{other:?}"),
    };
    let host = |reply: Tuple| {
        let mut host = with_flow(TcpState::Established, Status::SEEN_REPLY, 0);
        host.flows[0].reply = reply;
        host
    };
    // The answer to a masqueraded packet has its receiver's own address again.
    let masqueraded = host(Tuple::ports(6, (SERVER.into(), 80), (OUTSIDE.into(), 1000)));
    assert_eq!(behind(&masqueraded, SERVER, 80, CLIENT, 1000), "established reply");
    assert_eq!(tracked(&masqueraded, &tcp(SERVER, 80, CLIENT, 1000, 0x02)), "new", "as it comes in it is another one");
    // A packet for a port that is forwarded has its new destination.
    let forwarded = host(Tuple::ports(6, (INSIDE.into(), 8080), (CLIENT.into(), 1000)));
    assert_eq!(behind(&forwarded, CLIENT, 1000, INSIDE, 8080), "established");
}

#[test]
fn cut_packets_are_unknown_where_the_missing_part_matters() {
    let host = FakeHost::new();
    let mut p = tcp(CLIENT, 1000, SERVER, 80, 0x02);
    p.bytes.truncate(22);
    assert!(tracked(&host, &p).starts_with("unknown"));
    p.length = 22;
    assert_eq!(tracked(&host, &p), "invalid", "the packet itself ends there");
}

/// An SCTP packet with this tag and these chunks.
fn sctp(src: [u8; 4], dst: [u8; 4], tag: u32, chunks: &[&[u8]]) -> Packet {
    let (from, to) = if src == CLIENT { (1000u16, 80u16) } else { (80, 1000) };
    let mut h = [from.to_be_bytes(), to.to_be_bytes()].concat();
    h.extend(tag.to_be_bytes());
    h.extend([0; 4]);
    h.extend(chunks.concat());
    let mut p = packet(src, dst, 132, &[&h[..], &[0; 8]].concat());
    p.bytes = [&p.bytes[..20], &h[..]].concat().into();
    p.length = 20 + h.len();
    checksum::write_network(&mut p, 2, &((20 + h.len()) as u16).to_be_bytes());
    let sum = checksum::sctp(&p, 20, h.len()).known().unwrap_or_default();
    p.write(28, &sum.to_le_bytes());
    p
}

const INIT: &[u8] = &[1, 0, 0, 20, 0, 0, 0, 7, 0, 0, 16, 0, 0, 5, 0, 5, 0, 0, 0, 1];
const INIT_ACK: &[u8] = &[2, 0, 0, 20, 0, 0, 0, 9, 0, 0, 16, 0, 0, 5, 0, 5, 0, 0, 0, 1];
const DATA: &[u8] = &[0, 3, 0, 20, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9];
const HEARTBEAT: &[u8] = &[4, 0, 0, 4];
const HEARTBEAT_ACK: &[u8] = &[5, 0, 0, 4];
const ABORT: &[u8] = &[6, 0, 0, 4];

#[test]
fn an_sctp_association_begins_with_an_init_or_a_heartbeat() {
    let host = FakeHost::new();
    let is = |tag, chunks: &[&[u8]]| tracked(&host, &sctp(CLIENT, SERVER, tag, chunks));
    assert_eq!(is(0, &[INIT]), "new");
    assert_eq!(is(5, &[INIT]), "invalid", "its tag is 0");
    assert_eq!(is(0, &[INIT, DATA]), "invalid", "it comes alone");
    assert_eq!(is(5, &[HEARTBEAT]), "new");
    assert_eq!(is(0, &[DATA]), "invalid");
    assert_eq!(is(0, &[ABORT]), "invalid");
    assert_eq!(is(0, &[]), "invalid");
    let mut wrong = sctp(CLIENT, SERVER, 0, &[INIT]);
    wrong.write(28, &[1, 2, 3, 4]);
    assert_eq!(tracked(&host, &wrong), "invalid");
    wrong.write(28, &[0; 4]);
    assert_eq!(tracked(&host, &wrong), "new or invalid");
}

#[test]
fn sctp_tags_are_those_of_the_association() {
    let with = |state, vtags| {
        let mut host = FakeHost::new();
        let orig = Tuple::ports(132, (CLIENT.into(), 1000), (SERVER.into(), 80));
        let protoinfo = Some(ProtoInfo::Sctp { state, vtags: Some(vtags) });
        let answers = orig.inverted().unwrap_or(orig);
        host.flows.push(Flow { status: Some(Status::SEEN_REPLY), protoinfo, ..Flow::of(orig, answers) });
        host
    };
    let established = with(4, (9, 7));
    assert_eq!(tracked(&established, &sctp(CLIENT, SERVER, 9, &[DATA])), "established");
    assert_eq!(tracked(&established, &sctp(CLIENT, SERVER, 8, &[DATA])), "invalid");
    assert_eq!(tracked(&established, &sctp(SERVER, CLIENT, 7, &[DATA])), "established reply");
    assert_eq!(tracked(&established, &sctp(SERVER, CLIENT, 9, &[ABORT])), "invalid");
    assert_eq!(tracked(&established, &sctp(CLIENT, SERVER, 8, &[HEARTBEAT])), "established");
    assert_eq!(tracked(&established, &sctp(CLIENT, SERVER, 8, &[HEARTBEAT_ACK])), "established or invalid");
    assert_eq!(tracked(&with(2, (0, 7)), &sctp(SERVER, CLIENT, 7, &[INIT_ACK])), "established reply");
    assert_eq!(tracked(&with(2, (4, 7)), &sctp(SERVER, CLIENT, 7, &[INIT_ACK])), "established reply or invalid");
    assert_eq!(tracked(&with(8, (9, 0)), &sctp(SERVER, CLIENT, 7, &[DATA])), "invalid");
    assert_eq!(tracked(&with(8, (9, 0)), &sctp(SERVER, CLIENT, 7, &[HEARTBEAT_ACK])), "established reply");
}

#[test]
fn a_port_that_is_used_again_is_free_and_a_repeated_syn_is_not_counted() {
    let ct = |host: &FakeHost, packet: &Packet| match track(host, packet) {
        Fact::Is(Tracked::As(ct)) => *ct,
        other => panic!("{other:?}"),
    };
    let over = with_flow(TcpState::TimeWait, Status::SEEN_REPLY | Status::ASSURED, CLOSE_INIT);
    let begun = ct(&over, &tcp(CLIENT, 1000, SERVER, 80, 0x02));
    let taken = |ct: &Ct| ct.is_taken(&tuple().inverted().unwrap_or(tuple()), &over);
    assert_eq!(taken(&begun), Fact::Is(false));
    assert_eq!(taken(&Ct::default()), Fact::Is(true));
    let mut begun = with_flow(TcpState::SynSent, Status::CONFIRMED, 0);
    let again = tcp(CLIENT, 1000, SERVER, 80, 0x02);
    begun.sysctls.insert("kernel.osrelease".into(), "5.12.1".into());
    assert_eq!(ct(&begun, &again).ignored, Fact::Is(false));
    begun.sysctls.insert("kernel.osrelease".into(), "6.1.0-13".into());
    assert_eq!(ct(&begun, &again).ignored, Fact::Is(true));
    begun.flows[0].status = Some(Status::CONFIRMED | Status::SEEN_REPLY);
    assert_eq!(ct(&begun, &again).ignored, Fact::Is(false), "an answer was seen");
}

#[test]
fn a_zone_of_one_direction_keeps_apart_that_direction_only() {
    let mut host = with_flow(TcpState::Established, Status::SEEN_REPLY, BE_LIBERAL);
    let back = |host: &FakeHost, id, scope| {
        let mut p = tcp(SERVER, 80, CLIENT, 1000, 0x10);
        p.ct.zone = Fact::Is(Zone { id, scope });
        tracked(host, &p)
    };
    assert_eq!(back(&host, 2, ZoneScope::Original), "established reply", "answers are of zone 0");
    assert_eq!(back(&host, 2, ZoneScope::Reply), "new", "picked up in the middle");
    host.flows[0].reply.zone = Some(2);
    assert_eq!(back(&host, 2, ZoneScope::Reply), "established reply");
    assert_eq!(back(&host, 0, ZoneScope::Both), "new");
}
