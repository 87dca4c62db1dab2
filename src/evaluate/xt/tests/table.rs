//! The walk through a table.

use super::*;
use crate::evaluate::place::{ChainRef, Place, TableRef};
use crate::evaluate::traversal::{Begin, Tried};
use crate::evaluate::xt::Program;
use crate::sys::uapi::x_tables::NF_INET_NUMHOOKS;
use crate::sys::xt::{Draft, DraftRule, DraftTarget, Extension, Info, Selector, Table, Verdict};

const FILTER: TableRef = TableRef::Xt(0);

/// A filter table of these chains; the first three are built in. Rules are a UDP destination port (0: any) and a target.
fn table(policy: Verdict, chains: &[(&str, &[(u16, DraftTarget)])]) -> Table {
    let info = Info {
        name: "filter".into(),
        valid_hooks: 0b01110,
        hook_entry: [0; NF_INET_NUMHOOKS],
        underflow: [0; NF_INET_NUMHOOKS],
        num_entries: 0,
        size: 0,
    };
    let mut draft = Draft::new(Family::Ip, &info);
    for chain in &mut draft.chains {
        chain.base = chain.base.map(|(hook, _)| (hook, policy));
    }
    for (name, rules) in chains {
        let chain = draft.chain(name);
        for (port, target) in *rules {
            let mut rule = DraftRule::new(Family::Ip, target.clone());
            if *port != 0 {
                let Selector::Ip(s) = &mut rule.selector else { panic!("not IPv4") };
                s.proto = 17;
                let low = port.to_ne_bytes();
                let data = [&[0, 0, 0xff, 0xff], &low[..], &low[..], &[0, 0]].concat();
                rule.matches.push(Extension::new("udp", 0, data));
            }
            chain.rules.push(rule);
        }
    }
    draft.build().unwrap()
}

fn jump(to: &str) -> DraftTarget {
    DraftTarget::Jump(to.into())
}

fn goto(to: &str) -> DraftTarget {
    DraftTarget::Goto(to.into())
}

const ACCEPT: DraftTarget = DraftTarget::Verdict(Verdict::Accept);
const DROP: DraftTarget = DraftTarget::Verdict(Verdict::Drop);
const RETURN: DraftTarget = DraftTarget::Verdict(Verdict::Return);

/// Where it ended, and what was tried on the way: chain name and position (0 for the policy).
fn walk(table: &Table, packet: &Packet, begin: &Begin, explain: bool) -> (Decision, (String, usize), Vec<Tried>) {
    let program = Program::new(FILTER, table);
    let (host, mut assumptions) = (Host::default(), Assumptions::new());
    let mut cx = Context::new(packet.clone(), Hook::Input, &host, &mut assumptions);
    cx.explain = explain;
    let mut tried = Vec::new();
    let ended = program.run(&mut cx, begin, &mut |t| tried.push(t)).unwrap();
    (ended.decision, name(table, ended.at), tried)
}

fn name(table: &Table, at: Place) -> (String, usize) {
    (table.nth_chain(at.chain.chain).unwrap().name().to_string(), at.position.unwrap_or(0))
}

fn place(table: &Table, chain: &str, position: usize) -> Place {
    let chain = table.chains().position(|c| *c.name() == chain).unwrap();
    Place { chain: ChainRef { table: FILTER, chain }, position: Some(position) }
}

fn sample() -> Table {
    table(
        Verdict::Drop,
        &[
            ("INPUT", &[(53, jump("a")), (54, goto("b")), (55, RETURN), (56, DROP), (53, ACCEPT)]),
            ("FORWARD", &[(0, jump("a")), (0, jump("b"))]),
            ("a", &[(0, jump("b")), (1, DROP)]),
            ("b", &[(2, ACCEPT), (54, RETURN), (0, goto("c"))]),
            ("c", &[(3, ACCEPT)]),
        ],
    )
}

#[test]
fn a_jump_comes_back_and_a_goto_does_not() {
    let t = sample();
    let way = |port| {
        let (decision, at, tried) = walk(&t, &udp(port, b""), &Begin::Start, false);
        let way: Vec<_> = tried.iter().map(|t_| name(&t, t_.at)).collect();
        (decision, at, way)
    };
    let at = |chain: &str, n| (chain.to_owned(), n);
    // a jumps to b, b goes on to c, c ends: back to a, which ends: back to INPUT.
    let (decision, end, tried) = way(53);
    assert_eq!((decision, end), (Decision::Accept, at("INPUT", 5)));
    assert_eq!(tried, [at("INPUT", 1), at("a", 1), at("b", 3), at("INPUT", 5)]);
    // A return in a chain that a goto led to from the built-in one: its policy.
    let (decision, end, tried) = way(54);
    assert_eq!((decision, end), (Decision::Drop, at("INPUT", 0)));
    assert_eq!(tried, [at("INPUT", 2), at("b", 2), at("INPUT", 0)]);
    assert_eq!(way(55).1, at("INPUT", 0));
    assert_eq!(way(56).1, at("INPUT", 4));
    assert_eq!(way(57).1, at("INPUT", 0));
}

#[test]
fn a_walk_goes_on_behind_a_rule_with_the_callers_it_had() {
    let t = sample();
    let begin = |stack: &[(&str, usize)], chain, position| Begin::After {
        stack: stack.iter().map(|(c, n)| place(&t, c, *n)).collect(),
        rule: place(&t, chain, position),
        expr: None,
    };
    let end = |begin| walk(&t, &udp(53, b""), &begin, false).1;
    let at = |chain: &str, n| (chain.to_owned(), n);
    assert_eq!(end(begin(&[("INPUT", 1), ("a", 1)], "b", 2)), at("INPUT", 5));
    assert_eq!(end(begin(&[], "b", 2)), at("INPUT", 0));
    assert_eq!(end(begin(&[], "INPUT", 5)), at("INPUT", 0));
    let other = Place { chain: ChainRef { table: TableRef::Xt(1), chain: 0 }, position: Some(1) };
    let (host, mut assumptions) = (Host::default(), Assumptions::new());
    let mut cx = Context::new(udp(53, b""), Hook::Input, &host, &mut assumptions);
    let begin = Begin::After { stack: Vec::new(), rule: other, expr: None };
    assert_eq!(Program::new(FILTER, &t).run(&mut cx, &begin, &mut |_| {}), None);
}

#[test]
fn every_way_to_a_chain_is_found() {
    let t = sample();
    let program = Program::new(FILTER, &t);
    let index = |chain: &str| t.chains().position(|c| *c.name() == chain).unwrap();
    let ways = |hook, chain| {
        let (mut ways, complete) = program.call_stacks(hook, index(chain));
        assert!(complete);
        ways.sort();
        ways
    };
    let p = |chain: &str, n| place(&t, chain, n);
    assert_eq!(ways(Hook::Input, "INPUT"), [vec![]]);
    assert_eq!(ways(Hook::Input, "b"), [vec![], vec![p("INPUT", 1), p("a", 1)]]);
    assert_eq!(ways(Hook::Forward, "c"), [vec![p("FORWARD", 1), p("a", 1)], vec![p("FORWARD", 2)]]);
    assert!(ways(Hook::Output, "a").is_empty());
    assert!(ways(Hook::Prerouting, "a").is_empty());
}

#[test]
fn a_packet_too_short_for_a_rule_dies_at_it_and_the_reason_is_told() {
    let t = table(Verdict::Accept, &[("INPUT", &[(1, ACCEPT), (53, ACCEPT)])]);
    let (decision, at, tried) = walk(&t, &ip4(17, &[0, 1, 0]), &Begin::Start, true);
    assert_eq!((decision, at), (Decision::Drop, ("INPUT".to_owned(), 1)));
    assert_eq!(tried.len(), 1);
    assert!(!tried[0].matched && tried[0].missed.is_some());
    // A later fragment is no match, and no reason to die.
    let mut later = ip4(17, &[0, 1, 0]);
    later.bytes[7] = 9;
    assert_eq!(walk(&t, &later, &Begin::Start, false).0, Decision::Accept);
}

#[test]
fn near_misses_name_the_first_condition_that_failed() {
    let t = table(Verdict::Accept, &[("INPUT", &[(80, DROP), (0, DROP)])]);
    let (_, _, tried) = walk(&t, &udp(53, b""), &Begin::Start, true);
    let missed = tried[0].missed.as_ref().unwrap();
    assert_eq!((&*missed.field, missed.wanted.as_deref(), missed.have.as_deref()), ("--dport", Some("80"), Some("53")));
    let (_, _, tried) = walk(&t, &tcp(80, 2, b""), &Begin::Start, true);
    let missed = tried[0].missed.as_ref().unwrap();
    assert_eq!((&*missed.field, missed.wanted.as_deref(), missed.have.as_deref()), ("-p", Some("udp"), Some("tcp")));
}

#[test]
fn what_the_capture_does_not_hold_is_an_open_question() {
    let t = table(Verdict::Accept, &[("INPUT", &[(53, DROP)])]);
    let program = Program::new(FILTER, &t);
    let mut cut = udp(53, b"");
    cut.bytes.truncate(21);
    let mut ends =
        each(&Host::default(), &cut, Hook::Input, |cx| program.run(cx, &Begin::Start, &mut |_| {}).unwrap().decision);
    ends.sort_by_key(|d| format!("{d:?}"));
    assert_eq!(ends, [Decision::Accept, Decision::Drop]);
}

#[test]
fn interface_wildcards_and_inversions_follow_the_masks() {
    use crate::sys::uapi::x_tables::IPT_INV_VIA_IN;
    use crate::sys::xt::Interface;
    let with = |name: &str, wildcard: bool, invert: u8| {
        let mut selector = Selector::any(Family::Ip);
        let Selector::Ip(s) = &mut selector else { panic!("not IPv4") };
        let mut i = Interface::default();
        i.name[..name.len()].copy_from_slice(name.as_bytes());
        i.mask[..name.len() + usize::from(!wildcard)].fill(0xff);
        (s.iif, s.invert) = (i, invert);
        selector
    };
    let eth0 = udp(1, b"");
    let mut none = eth0.clone();
    none.iif = Fact::Absent;
    let mut unknown = eth0.clone();
    unknown.iif = Fact::unknown("interface");
    let selects =
        |p: &Packet, s: &Selector| each(&Host::default(), p, Hook::Input, |cx| super::super::selector::matches(cx, s));
    assert_eq!(selects(&eth0, &with("eth0", false, 0)), [true]);
    assert_eq!(selects(&eth0, &with("eth", false, 0)), [false]);
    assert_eq!(selects(&eth0, &with("eth", true, 0)), [true]);
    assert_eq!(selects(&eth0, &with("eth", true, IPT_INV_VIA_IN)), [false]);
    // Without an interface the name is empty: "+" accepts it, "! -i eth0" too.
    assert_eq!(selects(&none, &with("eth0", false, IPT_INV_VIA_IN)), [true]);
    assert_eq!(selects(&none, &Selector::any(Family::Ip)), [true]);
    assert_eq!(selects(&unknown, &with("eth0", false, 0)).len(), 2);
    assert_eq!(selects(&unknown, &Selector::any(Family::Ip)), [true]);
}

#[test]
fn arp_rules_look_at_what_the_packet_says() {
    let mut b = vec![0, 1, 8, 0, 6, 4, 0, 1];
    b.extend([2, 0, 0, 0, 0, 1]);
    b.extend(A);
    b.extend([0; 6]);
    b.extend(B);
    let packet = Packet::new(Network::Arp, b);
    let selects = |change: &dyn Fn(&mut crate::sys::xt::ArpSelector)| {
        let mut selector = Selector::any(Family::Arp);
        let Selector::Arp(s) = &mut selector else { panic!("not ARP") };
        change(s);
        let (host, mut assumptions) = (Host::default(), Assumptions::new());
        super::super::selector::matches(
            &mut Context::new(packet.clone(), Hook::Input, &host, &mut assumptions),
            &selector,
        )
    };
    assert!(selects(&|_| {}));
    assert!(selects(&|s| (s.src, s.src_mask) = (A.into(), [255; 4].into())));
    assert!(!selects(&|s| (s.dst, s.dst_mask) = (A.into(), [255; 4].into())));
    assert!(selects(&|s| s.op = (1, 0xffff)));
    assert!(!selects(&|s| s.op = (2, 0xffff)));
    assert!(selects(&|s| s.hlen = (6, 0xff)));
    assert!(selects(&|s| {
        s.src_mac.address[..6].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        s.src_mac.mask[..6].fill(0xff);
    }));
    assert!(!selects(&|s| {
        s.dst_mac.address[0] = 2;
        s.dst_mac.mask[0] = 0xff;
    }));
}
