//! What is loaded of connections.
#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;
use crate::evaluate::Packet;
use crate::evaluate::nft::testing::*;
use crate::sys::ct::{Flow, Zone};

fn load(
    packet: Packet,
    table_family: Family,
    key: CtKey,
    direction: Option<CtDirection>,
    len: usize,
) -> (Step, Option<Vec<u8>>) {
    on(packet, crate::evaluate::Hook::Input, &Host::default(), &table(table_family), |cx, m| {
        let step = eval(cx, m, &Ct { key, direction, dreg: Reg::R1 });
        (step, m.regs.read(Reg::R1, len).map(<[u8]>::to_vec))
    })
}

fn state_of(state: Fact<CtState>, template: bool) -> Option<u32> {
    let mut p = ip4(17, &[0; 8]);
    (p.ct.state, p.ct.template) = (state, template);
    let bytes = load(p, Family::Inet, CtKey::State, None, 4).1?;
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

#[test]
fn states_are_bits_and_no_connection_is_invalid_unless_it_is_untracked() {
    assert_eq!(state_of(Fact::Is(CtState::Established), false), Some(2));
    assert_eq!(state_of(Fact::Is(CtState::Related), false), Some(4));
    assert_eq!(state_of(Fact::Is(CtState::New), false), Some(8));
    assert_eq!(state_of(Fact::Is(CtState::Invalid), false), Some(1));
    assert_eq!(state_of(Fact::Is(CtState::Untracked), false), Some(64));
    assert_eq!(state_of(Fact::Absent, false), Some(1), "before the conntrack hook");
    assert_eq!(state_of(Fact::Absent, true), Some(8), "with a template");
    assert_eq!(state_of(Fact::unknown("state"), false), None);
}

#[test]
fn without_a_connection_everything_else_ends_the_rule() {
    for state in [Fact::Absent, Fact::Is(CtState::Invalid), Fact::Is(CtState::Untracked)] {
        let mut p = ip4(17, &[0; 8]);
        (p.ct.state, p.ct.mark) = (state, Fact::Is(5));
        assert_eq!(load(p, Family::Inet, CtKey::Mark, None, 4).0, Step::Break);
    }
}

#[test]
fn a_connection_has_tuples_of_its_family() {
    let mut p = ip4(17, &[0; 8]);
    p.ct.state = Fact::Is(CtState::Established);
    (p.ct.mark, p.ct.reply, p.ct.zone) = (Fact::Is(5), Fact::Is(true), Fact::Is(Zone::default()));
    let tuple = Tuple::ports(17, ("10.0.0.1".parse().unwrap(), 7), ("10.0.0.2".parse().unwrap(), 53));
    p.ct.original = Fact::Is(tuple);
    p.ct.flow = Fact::Is(Flow { labels: Some(4), id: Some(0x0102_0304), ..Flow::of(tuple, tuple) }.into());
    let at = |family, key, direction, len| load(p.clone(), family, key, direction, len).1;
    let original = Some(CtDirection::Original);
    assert_eq!(at(Family::Inet, CtKey::Mark, None, 4), Some(5u32.to_ne_bytes().to_vec()));
    assert_eq!(at(Family::Inet, CtKey::Direction, None, 4), Some(vec![1, 0, 0, 0]));
    assert_eq!(at(Family::Inet, CtKey::SrcIp, original, 4), Some(vec![10, 0, 0, 1]));
    assert_eq!(at(Family::Ip, CtKey::Dst, original, 4), Some(vec![10, 0, 0, 2]));
    assert_eq!(at(Family::Inet, CtKey::Dst, original, 8), Some(vec![10, 0, 0, 2, 0, 0, 0, 0]));
    assert_eq!(at(Family::Inet, CtKey::ProtoDst, original, 4), Some(vec![0, 53, 0, 0]));
    assert_eq!(at(Family::Inet, CtKey::Labels, None, 4), Some(vec![4, 0, 0, 0]));
    assert_eq!(at(Family::Inet, CtKey::Id, None, 4), Some(vec![1, 2, 3, 4]));
    assert_eq!(at(Family::Inet, CtKey::Protocol, None, 4), Some(vec![17, 0, 0, 0]));
    assert_eq!(load(p.clone(), Family::Inet, CtKey::SrcIp6, original, 16).0, Step::Break);
    assert_eq!(load(p.clone(), Family::Inet, CtKey::ProtoDst, Some(CtDirection::Reply), 4), (Step::Go, None));
    assert_eq!(load(p, Family::Inet, CtKey::Bytes, None, 8), (Step::Go, None));
}
