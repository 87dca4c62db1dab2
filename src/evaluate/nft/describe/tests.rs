//! What is said of rules that do not match.

use super::*;
use crate::evaluate::Fact;
use crate::evaluate::nft::testing::{self, *};
use crate::evaluate::packet::CtState;
use crate::evaluate::traversal::Begin;
use crate::ruleset::nft::Table;
use crate::sys::nft::expr::{Bitwise, Ct, CtKey, LookupFlags, Meta, MetaKey, PayloadBase};
use crate::sys::nft::{self as wire, Data, Family, SetFlags};

/// Field, wanted and had of a rule that does not match a UDP packet from 10.0.0.1 to 10.0.0.2, port 53, in by eth0.
fn missed(exprs: Vec<Expr>) -> (String, String, String) {
    let set = Set { def: members("s", SetFlags::empty(), 8, Vec::new()).def, elements: Vec::new() };
    let mut set = set;
    set.def.fields = [4, 2].into_iter().collect();
    let rules = vec![exprs];
    let t = Table {
        chains: vec![chain("c", wire::Hook::Input, Some(wire::Verdict::Accept), rules)],
        sets: vec![set],
        ..table(Family::Inet)
    };
    let mut p = ip4(17, &testing::udp(1000, 53, b""));
    p.iif = port(2, "eth0");
    p.mark = Fact::Is(7);
    p.ct.state = Fact::Is(CtState::New);
    let (_, tried) = walk(p, &t, &Begin::Start);
    let m = tried.into_iter().next().and_then(|t| t.missed);
    m.map(|m| (m.field.into_owned(), m.wanted.unwrap_or_default(), m.have.unwrap_or_default())).unwrap_or_default()
}

fn load(base: PayloadBase, offset: u32, len: u32) -> Expr {
    Expr::Payload(Payload { base, offset, len, dreg: Reg::R1 })
}

fn cmp(op: CmpOp, data: &[u8]) -> Expr {
    Expr::Cmp(Cmp { op, sreg: Reg::R1, data: Data::new(data) })
}

fn mask(bits: &[u8]) -> Expr {
    let op = BitwiseOp::MaskXor { mask: Data::new(bits), xor: Data::new(vec![0; bits.len()]) };
    Expr::Bitwise(Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: bits.len() as u8, op })
}

fn said(of: &[&str; 3]) -> (String, String, String) {
    (of[0].into(), of[1].into(), of[2].into())
}

#[test]
fn fields_are_named_as_nft_names_them() {
    let network = |o, n| load(PayloadBase::Network, o, n);
    let m = missed(vec![network(12, 4), cmp(CmpOp::Eq, &[192, 0, 2, 1])]);
    assert_eq!(m, said(&["ip saddr", "192.0.2.1", "10.0.0.1"]));
    let m = missed(vec![network(16, 3), cmp(CmpOp::Neq, &[10, 0, 0])]);
    assert_eq!(m, said(&["ip daddr", "!= 10.0.0.0/24", "10.0.0.2"]));
    let m = missed(vec![network(12, 4), mask(&[255, 255, 240, 0]), cmp(CmpOp::Eq, &[172, 16, 0, 0])]);
    assert_eq!(m, said(&["ip saddr", "172.16.0.0/20", "10.0.0.1"]));
    let m = missed(vec![load(PayloadBase::Transport, 2, 2), cmp(CmpOp::Lt, &[0, 22])]);
    assert_eq!(m, said(&["udp dport", "< 22", "53"]));
    let m = missed(vec![load(PayloadBase::Transport, 6, 1), cmp(CmpOp::Eq, &[9])]);
    assert_eq!(m, said(&["@th,48,8", "0x09", "0x00"]));
}

#[test]
fn metadata_are_shown_in_their_kind() {
    let meta = |key| Expr::Meta(Meta { key, dreg: Reg::R1 });
    let m = missed(vec![meta(MetaKey::Iifname), cmp(CmpOp::Eq, b"wlan")]);
    assert_eq!(m, said(&["iifname", "\"wlan*\"", "\"eth0\""]));
    let m = missed(vec![meta(MetaKey::Mark), cmp(CmpOp::Eq, &9u32.to_ne_bytes())]);
    assert_eq!(m, said(&["meta mark", "0x00000009", "0x00000007"]));
    let state = Expr::Ct(Ct { key: CtKey::State, direction: None, dreg: Reg::R1 });
    let m = missed(vec![state, mask(&6u32.to_ne_bytes()), cmp(CmpOp::Neq, &[0; 4])]);
    assert_eq!(m, said(&["ct state", "established,related", "new"]));
}

#[test]
fn sets_are_named_with_all_their_fields() {
    let second = Expr::Payload(Payload { base: PayloadBase::Transport, offset: 2, len: 2, dreg: Reg(5) });
    let lookup = Lookup { set: "s".into(), set_id: None, sreg: Reg::R1, dreg: None, flags: LookupFlags::empty() };
    let m = missed(vec![load(PayloadBase::Network, 12, 4), second, Expr::Lookup(lookup)]);
    assert_eq!(m, said(&["ip saddr . udp dport", "@s", "10.0.0.1 . 53"]));
}
