//! Rules found by their conditions are those that match, and few others.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::load::meta_length;
use super::*;
use crate::evaluate::nft::testing::{self, Host, text};
use crate::evaluate::traversal::Begin;
use crate::evaluate::{Assumptions, ChainRef, Hook, Packet, TableRef};
use crate::sys::nft::expr::{
    Bitwise, BitwiseOp, Cmp, CmpOp, Ct, CtKey, Immediate, Limit, LimitFlags, LimitKind, LookupFlags, Meta, MetaKey,
    MetaSet, Payload, PayloadBase, Range, RangeOp,
};
use crate::sys::nft::{Data, Family, Hook as At, SetFlags, Verdict};

fn load(what: u8, at: u32, len: u32) -> (Expr, usize) {
    let payload = |base, offset| (Expr::Payload(Payload { base, offset, len, dreg: Reg::R1 }), len as usize);
    let meta = |key| (Expr::Meta(Meta { key, dreg: Reg::R1 }), meta_length(key).unwrap_or(4));
    match what {
        0 => payload(PayloadBase::Network, at),
        1 => payload(PayloadBase::Transport, at),
        2 => meta(MetaKey::Mark),
        3 => meta(MetaKey::L4proto),
        4 => meta(MetaKey::Iifname),
        5 => meta(MetaKey::Skuid), // not known
        6 => meta(MetaKey::Cpu),   // never known, and not filed by
        _ => (Expr::Ct(Ct { key: CtKey::State, direction: None, dreg: Reg::R1 }), 4),
    }
}

/// One condition, on the little that packets here differ in.
fn condition() -> impl Strategy<Value = Vec<Expr>> {
    (0..8u8, 0..24u32, prop::sample::select(vec![1u32, 2, 4]), 0..9u8, 0..4u8, any::<u8>()).prop_map(
        |(what, at, len, how, value, mask)| {
            let (load, len) = load(what, at, len);
            let mut data = vec![0; len];
            *data.last_mut().unwrap() = value;
            if what == 4 {
                data = b"eth0\0\0\0\0\0\0\0\0\0\0\0\0"[..if value == 0 { 16 } else { usize::from(value) + 1 }].to_vec();
            }
            if matches!(what, 2 | 5 | 6 | 7) {
                data.reverse();
            }
            let cmp = |op| Expr::Cmp(Cmp { op, sreg: Reg::R1, data: Data::new(&data) });
            let masked = || {
                let mut bits = vec![0; len];
                *bits.last_mut().unwrap() = mask & 0xf;
                bits.reverse();
                let op = BitwiseOp::MaskXor { mask: Data::new(&bits), xor: Data::new(vec![0; len]) };
                Expr::Bitwise(Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: len as u8, op })
            };
            let zero = Expr::Cmp(Cmp { op: CmpOp::Neq, sreg: Reg::R1, data: Data::new(vec![0; len]) });
            let to = vec![value.saturating_add(1); data.len()];
            match how {
                0 => vec![load, cmp(CmpOp::Neq)],
                1 => vec![load, cmp(CmpOp::Gte)],
                2 => vec![load, cmp(CmpOp::Lt)],
                3 => vec![load, masked(), cmp(CmpOp::Eq)],
                4 => vec![load, masked(), zero],
                5 => {
                    let (from, to) = (Data::new(&data), Data::new(to));
                    vec![load, Expr::Range(Range { op: RangeOp::Eq, sreg: Reg::R1, from, to })]
                }
                6 => {
                    let set = text(&format!("s{len}"));
                    let flags = if mask < 64 { LookupFlags::INV } else { LookupFlags::empty() };
                    vec![load, Expr::Lookup(Lookup { set, set_id: None, sreg: Reg::R1, dreg: None, flags })]
                }
                _ => vec![load, cmp(CmpOp::Eq)],
            }
        },
    )
}

fn rule() -> impl Strategy<Value = Vec<Expr>> {
    let between = prop::sample::select(vec![0u8, 0, 0, 1, 2]);
    (prop::collection::vec((condition(), between), 1..3), 0..8u8).prop_map(|(conditions, then)| {
        let mut all = Vec::new();
        for (condition, between) in conditions {
            all.extend(condition);
            match between {
                1 => all.push(Expr::Counter(Default::default())),
                2 => {
                    let mark = [5u8, 0, 0, 0];
                    let value = crate::sys::nft::Value::Data(Data::new(mark));
                    all.push(Expr::Immediate(Immediate { dreg: Reg(12), value }));
                    all.push(Expr::MetaSet(MetaSet { key: MetaKey::Mark, sreg: Reg(12) }));
                }
                _ => {}
            }
        }
        all.extend(match then {
            0 => Some(testing::says(Verdict::Jump(text("user")))),
            1 => Some(testing::says(Verdict::Return)),
            2 => Some(testing::says(Verdict::Accept)),
            3 => Some(Expr::Limit(Limit {
                rate: 1,
                unit: 1,
                burst: 5,
                kind: LimitKind::Packets,
                flags: LimitFlags::empty(),
            })),
            4 | 5 => None,
            _ => Some(testing::says(Verdict::Drop)),
        });
        all
    })
}

/// Everything that may come of a packet.
fn outcomes(packet: &Packet, table: &Table, filed: Option<&FiledTable>) -> Option<BTreeSet<String>> {
    let index = TableIndex::new(table);
    let host = Host { since: Some(0), ..Host::default() };
    let (mut a, mut all) = (Assumptions::new(), BTreeSet::new());
    loop {
        let mut cx = Context::new(packet.clone(), Hook::Input, &host, &mut a);
        let at = ChainRef { table: TableRef::Nft(0), chain: 0 };
        let ended = super::super::run_known(&mut cx, (table, &index, filed), at, &Begin::Start, None);
        all.insert(format!("{ended:?} {:?}", cx.packet.mark));
        if !a.advance() {
            return (!a.exhausted()).then_some(all);
        }
    }
}

proptest! {
    #[test]
    fn what_is_left_out_would_not_have_matched(
        base in prop::collection::vec(rule(), 16..60),
        user in prop::collection::vec(rule(), 0..40),
        packets in prop::collection::vec((prop::collection::vec((0..44usize, 0..4u8), 0..6), 0..4u32, any::<bool>()), 1..12),
    ) {
        let set = |len: u32| {
            let element = |n: u8| {
                let mut key = vec![0; len as usize];
                *key.last_mut().unwrap() = n;
                testing::element(&key, None)
            };
            testing::members(&format!("s{len}"), SetFlags::ANONYMOUS | SetFlags::CONSTANT, len, vec![element(1), element(3)])
        };
        let chains = vec![
            testing::chain("base", At::Input, Some(Verdict::Accept), base),
            testing::chain("user", At::Input, None, user),
        ];
        let table = Table { chains, sets: [1, 2, 4, 16].map(set).to_vec(), ..testing::table(Family::Ip) };
        let filed = FiledTable::new(&table);
        for (changes, mark, known) in packets {
            let mut packet = testing::ip4(17, &testing::udp(1, 2, &[0; 16]));
            for (at, value) in changes {
                packet.bytes[at] = if at == 0 { 0x45 } else { value };
            }
            packet.mark = Fact::Is(mark);
            packet.iif = testing::port(2, if known { "eth0" } else { "eth12" });
            if known {
                packet.ct.state = Fact::Is(crate::evaluate::packet::CtState::New);
            } else {
                packet.ct.state = Fact::unknown("state");
            }
            if let (Some(want), Some(found)) = (outcomes(&packet, &table, None), outcomes(&packet, &table, Some(&filed))) {
                prop_assert_eq!(found, want);
            }
        }
    }
}

#[test]
fn few_rules_are_tried_of_many() {
    let port = |n: u16| {
        vec![
            Expr::Meta(Meta { key: MetaKey::L4proto, dreg: Reg::R1 }),
            Expr::Cmp(Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new([17]) }),
            Expr::Payload(Payload { base: PayloadBase::Transport, offset: 2, len: 2, dreg: Reg::R1 }),
            Expr::Cmp(Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(n.to_be_bytes()) }),
            testing::says(Verdict::Drop),
        ]
    };
    let rules = (1..=1000).map(port).collect();
    let table = Table {
        chains: vec![testing::chain("base", At::Input, Some(Verdict::Accept), rules)],
        ..testing::table(Family::Ip)
    };
    let index = TableIndex::new(&table);
    let filed = FiledTable::new(&table);
    let chain = filed.chain(&table, &index, 0).unwrap();
    let tried = |to: u16| {
        testing::on(testing::ip4(17, &testing::udp(5, to, b"")), Hook::Input, &Host::default(), &table, |cx, m| {
            let mut matching = chain.matching(cx, m);
            (matching.next(0), matching.next(usize::from(to)))
        })
    };
    assert_eq!(tried(500), (Some(499), None));
    assert_eq!(tried(5000), (None, None));
}
