//! What is said of random chains, against the interpreter on every packet of a small world.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::chain::{Chains, Dead};
use crate::evaluate::environment::Nowhere;
use crate::evaluate::packet::{CtState, Packet};
use crate::evaluate::traversal::{Begin, Tried};
use crate::evaluate::{Assumptions, ChainRef, Context, Device, Fact, Hook, Prepared, TableRef};
use crate::explain::Craft;
use crate::finding::testing::{says, table, with};
use crate::ruleset::Ruleset;
use crate::sys::nft::expr::{
    Bitwise, BitwiseOp, Cmp, CmpOp, Ct, CtKey, Meta, MetaKey, Payload, PayloadBase, Range, RangeOp,
};
use crate::sys::nft::{BaseChain, Data, Expr, Family, Hook as NftHook, Reg, Verdict};
use crate::sys::xt;

/// One condition of a random rule, for either backend.
#[derive(Debug, Clone)]
enum Test {
    /// Source prefix: the last byte and the length.
    Source(u8, u8, bool),
    Destination(u8),
    Ports(u16, u16, bool),
    Udp,
    State(u8),
    Input(bool, bool),
}

#[derive(Debug, Clone)]
struct Random {
    tests: Vec<Test>,
    /// 0 nothing, 1 accept, 2 drop.
    verdict: u8,
}

const NET: [u8; 3] = [192, 0, 2];
const STATES: [CtState; 5] =
    [CtState::Invalid, CtState::Established, CtState::Related, CtState::New, CtState::Untracked];

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        (0u8..16, 28u8..=32, any::<bool>()).prop_map(|(b, n, not)| Test::Source(b, n, not)),
        (0u8..3).prop_map(Test::Destination),
        (1u16..6, 0u16..4, any::<bool>()).prop_map(|(low, n, not)| Test::Ports(low, low + n, not)),
        Just(Test::Udp),
        (1u8..16)
            .prop_map(|bits| Test::State(bits & 0b1011))
            .prop_filter("some state", |t| !matches!(t, Test::State(0))),
        (any::<bool>(), any::<bool>()).prop_map(|(eth, not)| Test::Input(eth, not)),
    ]
}

fn rules() -> impl Strategy<Value = Vec<Random>> {
    let rule = (prop::collection::vec(test(), 0..3), 0u8..3).prop_map(|(tests, verdict)| Random { tests, verdict });
    prop::collection::vec(rule, 1..9)
}

fn name(eth: bool) -> &'static str {
    if eth { "eth0" } else { "wlan0" }
}

fn mask(len: u8) -> u32 {
    u32::MAX << (32 - u32::from(len))
}

fn nft(rules: &[Random]) -> Ruleset {
    let eq = |data: &[u8], not: bool| -> Expr {
        let op = if not { CmpOp::Neq } else { CmpOp::Eq };
        Cmp { op, sreg: Reg::R1, data: Data::new(data) }.into()
    };
    let exprs = rules.iter().map(|r| {
        let mut all: Vec<Expr> = Vec::new();
        for t in &r.tests {
            match t {
                Test::Source(b, n, not) => {
                    let [a, c, d] = NET;
                    let value = u32::from_be_bytes([a, c, d, *b]) & mask(*n);
                    all.push(Payload::load(PayloadBase::Network, 12, 4).into());
                    let op = BitwiseOp::MaskXor { mask: Data::new(mask(*n).to_be_bytes()), xor: Data::new([0; 4]) };
                    all.push(Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: 4, op }.into());
                    all.push(eq(&value.to_be_bytes(), *not));
                }
                Test::Destination(b) => {
                    let [a, c, d] = NET;
                    all.extend([Payload::load(PayloadBase::Network, 16, 4).into(), eq(&[a, c, d, 240 + b], false)]);
                }
                Test::Ports(low, high, not) => {
                    all.extend([Meta::load(MetaKey::L4proto).into(), eq(&[6], false)]);
                    all.push(Payload::load(PayloadBase::Transport, 2, 2).into());
                    let op = if *not { RangeOp::Neq } else { RangeOp::Eq };
                    let (from, to) = (Data::new(low.to_be_bytes()), Data::new(high.to_be_bytes()));
                    all.push(Range { op, sreg: Reg::R1, from, to }.into());
                }
                Test::Udp => all.extend([Meta::load(MetaKey::L4proto).into(), eq(&[17], false)]),
                Test::State(bits) => {
                    let of = |n: u32| Data::new(n.to_ne_bytes());
                    all.push(Ct { key: CtKey::State, direction: None, dreg: Reg::R1 }.into());
                    let op = BitwiseOp::MaskXor { mask: of((*bits).into()), xor: of(0) };
                    all.push(Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: 4, op }.into());
                    all.push(eq(&0u32.to_ne_bytes(), true));
                }
                Test::Input(eth, not) => {
                    let mut padded = [0; 16];
                    padded.iter_mut().zip(name(*eth).bytes()).for_each(|(to, from)| *to = from);
                    all.extend([Meta::load(MetaKey::Iifname).into(), eq(&padded, *not)]);
                }
            }
        }
        match r.verdict {
            1 => all.push(says(Verdict::Accept)),
            2 => all.push(says(Verdict::Drop)),
            _ => {}
        }
        all
    });
    with(table(Family::Ip, "input", Some(BaseChain::filter(NftHook::Input, 0)), exprs.collect()))
}

fn legacy(rules: &[Random]) -> Ruleset {
    let mut draft = crate::finding::testing::legacy_filter();
    for r in rules {
        let target = match r.verdict {
            1 => xt::DraftTarget::Verdict(xt::Verdict::Accept),
            2 => xt::DraftTarget::Verdict(xt::Verdict::Drop),
            _ => xt::DraftTarget::Continue,
        };
        let mut rule = xt::DraftRule::new(xt::Family::Ip, target);
        let [a, b, c] = NET;
        for t in &r.tests {
            let xt::Selector::Ip(s) = &mut rule.selector else { continue };
            match t {
                Test::Source(d, n, not) => {
                    s.src_mask = mask(*n).into();
                    s.src = (u32::from_be_bytes([a, b, c, *d]) & mask(*n)).into();
                    s.invert = s.invert & !0x08 | if *not { 0x08 } else { 0 };
                }
                Test::Destination(d) => (s.dst, s.dst_mask) = ([a, b, c, 240 + d].into(), mask(32).into()),
                Test::Ports(low, high, not) => {
                    s.proto = 6;
                    let mut data: Vec<u8> = [0, u16::MAX, *low, *high].iter().flat_map(|p| p.to_ne_bytes()).collect();
                    data.extend([0, 0, 0, if *not { 0x02 } else { 0 }]);
                    rule.matches.push(xt::Extension::new("tcp", 0, data));
                }
                Test::Udp => s.proto = 17,
                Test::State(bits) => {
                    let states = u32::from(bits & 1 | bits & 2 | bits & 8);
                    rule.matches.push(xt::Extension::new("state", 0, states.to_ne_bytes().to_vec()));
                }
                Test::Input(eth, not) => {
                    s.iif = xt::Interface::from_pattern(name(*eth));
                    s.invert = s.invert & !0x01 | if *not { 0x01 } else { 0 };
                }
            }
        }
        // The tcp match is only there for tcp.
        if let xt::Selector::Ip(s) = &rule.selector
            && s.proto != 6
        {
            rule.matches.retain(|m| m.name != "tcp");
        }
        draft.chain("INPUT").rules.push(rule);
    }
    Ruleset { xt: vec![draft.build().unwrap()], ..Ruleset::default() }
}

/// Every packet that the random conditions can tell apart.
fn world() -> Vec<Packet> {
    let mut all = Vec::new();
    for src in (0..17).chain([200]) {
        for dst in [240, 241, 242, 250] {
            for (protocol, port) in (0..11).map(|p| (6, p)).chain([(17, 1), (1, 0)]) {
                for state in STATES {
                    for device in ["eth0", "wlan0", "lo"] {
                        let [a, b, c] = NET;
                        let craft = Craft {
                            sport: 9,
                            dport: port,
                            ..Craft::new(protocol, [a, b, c, src].into(), [a, b, c, dst].into())
                        };
                        let (network, bytes) = craft.make().unwrap();
                        let mut p = Packet::new(network, bytes);
                        p.iif = Fact::Is(Device { index: 2, name: Fact::Is(device.into()) });
                        p.ct.state = Fact::Is(state);
                        all.push(p);
                    }
                }
            }
        }
    }
    all
}

/// The rules of the first base chain that any of these packets matches, and all rules after which the walk went on.
fn matched(rules: &Ruleset, chain: ChainRef, packets: &[Packet]) -> BTreeSet<usize> {
    let prepared = Prepared::new(rules);
    let mut found = BTreeSet::new();
    for p in packets {
        let mut assumptions = Assumptions::new();
        let mut cx = Context::new(p.clone(), Hook::Input, &Nowhere, &mut assumptions);
        prepared.base_chain(&mut cx, chain, &Begin::Start, &mut |t: Tried| {
            if t.matched {
                found.extend(t.at.position);
            }
        });
        assert!(assumptions.made().is_empty(), "nothing is unknown in this world: {:?}", assumptions.made());
    }
    found
}

fn agrees(rules: &Ruleset, chain: ChainRef, count: usize, packets: &[Packet]) -> Result<(), TestCaseError> {
    let analysed = Chains::new(rules).analyse(chain);
    let dead: BTreeSet<usize> = analysed.dead.iter().map(|(p, _)| *p).collect();
    prop_assert!(analysed.dead.iter().all(|(_, d)| *d != Dead::TooComplex));
    let live = matched(rules, chain, packets);
    for n in 1..=count {
        prop_assert!(!(dead.contains(&n) && live.contains(&n)), "rule {} matches: {:?}", n, analysed.dead);
        // The world has a packet for everything that the conditions tell apart, so what matches none of them is dead.
        prop_assert!(dead.contains(&n) || live.contains(&n), "rule {} never matches: {:?}", n, analysed.dead);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_is_dead_if_no_packet_matches_it_and_only_then(all in rules()) {
        let packets = world();
        let rules = nft(&all);
        agrees(&rules, ChainRef { table: TableRef::Nft(0), chain: 0 }, all.len(), &packets)?;
        let rules = legacy(&all);
        let chain = rules.xt[0].chains().position(|c| c.name().as_bytes() == b"INPUT").unwrap();
        agrees(&rules, ChainRef { table: TableRef::Xt(0), chain }, all.len(), &packets)?;
    }
}

/// As many rules as there are blocks of that length in a /16, and one for all of it.
fn blocks(len: u8) -> Vec<Dead> {
    let mut draft = crate::finding::testing::legacy_filter();
    let mut add = |src: u32, len: u8, verdict| {
        let mut rule = xt::DraftRule::new(xt::Family::Ip, xt::DraftTarget::Verdict(verdict));
        if let xt::Selector::Ip(s) = &mut rule.selector {
            (s.src, s.src_mask) = (src.into(), mask(len).into());
        }
        draft.chain("INPUT").rules.push(rule);
    };
    for n in 0..1u32 << (len - 16) {
        add(0x0a00_0000 | n << (32 - len), len, xt::Verdict::Drop);
    }
    add(0x0a00_0000, 16, xt::Verdict::Accept);
    let rules = Ruleset { xt: vec![draft.build().unwrap()], ..Ruleset::default() };
    let chain = rules.xt[0].chains().position(|c| c.name().as_bytes() == b"INPUT").unwrap();
    let analysed = Chains::new(&rules).analyse(ChainRef { table: TableRef::Xt(0), chain });
    analysed.dead.into_iter().map(|(_, d)| d).collect()
}

#[test]
fn many_pieces_are_put_together_and_too_many_are_said_to_be() {
    assert!(matches!(&blocks(26)[..], [Dead::Covered(by)] if by.len() == 1024));
    assert_eq!(blocks(29), [Dead::TooComplex]);
}

/// Every source is not the one or not the other.
#[test]
fn what_is_not_from_one_of_two_sources_is_everything() {
    let not = |b, verdict| Random { tests: vec![Test::Source(b, 32, true)], verdict };
    for (a, b) in [(0, 1), (1, 0), (3, 12), (7, 7)] {
        let all = [not(a, 1), not(b, 2), Random { tests: Vec::new(), verdict: 1 }];
        let dead = |rules: &Ruleset, chain| {
            let analysed = Chains::new(rules).analyse(chain);
            analysed.dead.iter().map(|(n, _)| *n).collect::<Vec<_>>()
        };
        let expected = if a == b { vec![2] } else { vec![3] };
        assert_eq!(dead(&nft(&all), ChainRef { table: TableRef::Nft(0), chain: 0 }), expected);
        let rules = legacy(&all);
        let chain = rules.xt[0].chains().position(|c| c.name().as_bytes() == b"INPUT").unwrap();
        assert_eq!(dead(&rules, ChainRef { table: TableRef::Xt(0), chain }), expected);
    }
}
