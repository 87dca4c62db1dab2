//! Tables that no kernel would give out.
#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;
use crate::error::Malformed;

const HEAD: usize = 112;
const TARGET_OFFSET: usize = 88;
const NEXT_OFFSET: usize = 90;

fn filter_info() -> Info {
    let (hook_entry, underflow) = ([0; 5], [0; 5]);
    Info { name: "filter".into(), valid_hooks: 0b1110, hook_entry, underflow, num_entries: 0, size: 0 }
}

/// One rule in INPUT with a match, and a user chain.
fn table() -> Table {
    let mut draft = Draft::new(Family::Ip, &filter_info());
    let mut rule = DraftRule::new(Family::Ip, DraftTarget::Jump("user".into()));
    rule.matches.push(Extension::new("comment", 0, *b"hello\0"));
    draft.chain("INPUT").rules.push(rule);
    draft.chain("user").rules.push(DraftRule::new(Family::Ip, DraftTarget::Continue));
    draft.build().unwrap()
}

fn with(change: impl FnOnce(&mut Vec<u8>)) -> Result<Table, Malformed> {
    let table = table();
    let mut blob = table.as_bytes().to_vec();
    change(&mut blob);
    Table::new(Family::Ip, table.info().clone(), blob)
}

fn put(blob: &mut [u8], at: usize, value: u16) {
    blob[at..at + 2].copy_from_slice(&value.to_ne_bytes());
}

#[test]
fn a_table_is_what_was_drafted() {
    let table = table();
    let input = table.chain_at(Hook::Input).unwrap();
    assert_eq!((input.policy(), input.len(), input.counters()), (Some(Verdict::Accept), 1, Counters::default()));
    let rule = input.rule(1).unwrap();
    assert_eq!(rule.action(), Ok(Action::Jump(crate::TextRef::new(b"user"))));
    let comment = rule.entry.matches().next().unwrap().unwrap();
    assert!(matches!(comment.decode(Family::Ip), Match::Comment(c) if c.comment == "hello"));
    assert_eq!(table.chain(b"user").unwrap().rule(1).unwrap().action(), Ok(Action::Continue));
    assert!(input.rule(0).is_none() && input.rule(2).is_none());
}

#[test]
fn sizes_that_lead_nowhere_are_errors_and_not_loops() {
    assert!(with(|b| put(b, NEXT_OFFSET, 0)).is_err());
    assert!(with(|b| put(b, NEXT_OFFSET, 8)).is_err());
    assert!(with(|b| put(b, NEXT_OFFSET, u16::MAX)).is_err());
    assert!(with(|b| put(b, TARGET_OFFSET, 0)).is_err());
    assert!(with(|b| put(b, TARGET_OFFSET, u16::MAX)).is_err());
    assert!(with(|b| b.truncate(b.len() - 1)).is_err());
    assert!(with(|b| b.push(0)).is_err());
    // A match or target that is broken spoils its rule only.
    for size in [0, 31, u16::MAX] {
        let table = with(|b| put(b, HEAD, size)).unwrap();
        let rule = table.chain(b"INPUT").unwrap().rule(1).unwrap();
        let matches: Vec<_> = rule.entry.matches().collect();
        assert!(matches!(matches[..], [Err(Malformed::Length { .. })]), "{matches:?}");
        assert!(rule.action().is_ok());
    }
}

#[test]
fn hooks_that_point_beside_the_entries_are_errors() {
    let table = table();
    for at in [4, 1 << 20, u32::MAX] {
        let mut info = table.info().clone();
        info.hook_entry[1] = at;
        assert!(Table::new(Family::Ip, info, table.as_bytes().to_vec()).is_err());
        let mut info = table.info().clone();
        info.underflow[1] = at;
        assert!(Table::new(Family::Ip, info, table.as_bytes().to_vec()).is_err());
    }
    let mut info = table.info().clone();
    (info.hook_entry[1], info.underflow[1]) = (info.underflow[1], info.hook_entry[1]);
    assert!(Table::new(Family::Ip, info, table.as_bytes().to_vec()).is_err());
}

#[test]
fn a_jump_to_no_chain_is_said_to_be_one() {
    let target = HEAD + 32 + 8 + 32;
    let table = with(|b| b[target..target + 4].copy_from_slice(&7i32.to_ne_bytes())).unwrap();
    assert_eq!(table.chain(b"INPUT").unwrap().rule(1).unwrap().action(), Ok(Action::Nowhere(7)));
}

#[test]
fn interfaces_are_compared_as_the_kernel_does() {
    let exact = Interface::from_pattern("eth0");
    assert!(exact.accepts(b"eth0") && !exact.accepts(b"eth01") && !exact.accepts(b"eth"));
    let prefix = Interface::from_pattern("eth+");
    assert!(prefix.accepts(b"eth0") && prefix.accepts(b"eth") && !prefix.accepts(b"et") && !prefix.accepts(b""));
    for any in ["", "+"] {
        assert!(Interface::from_pattern(any).accepts(b"lo") && Interface::from_pattern(any).is_any());
    }
    for pattern in ["eth0", "eth+", "a23456789012345", "a2345678901234+"] {
        assert_eq!(Interface::from_pattern(pattern).pattern().unwrap(), pattern);
    }
    assert_eq!(Interface::from_pattern("+").pattern(), None);
}
