//! What of its connection a packet is asked for.

use super::super::*;
use super::host;
use crate::evaluate::packet::{Ct, CtState};
use crate::sys::TextRef;
use crate::sys::ct::L4;
use crate::sys::xt::matches::{self as m};

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
