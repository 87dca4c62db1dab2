//! Words that are known and words that are not.

use super::*;

const R: Reg = Reg::R1;

#[test]
fn a_write_clears_the_rest_of_its_last_word_and_no_more() {
    let mut r = Registers::default();
    r.write(R, &[0xff; 16]);
    r.write(R, &[1, 2]);
    assert_eq!(r.read(R, 8), Some(&[1, 2, 0, 0, 0xff, 0xff, 0xff, 0xff][..]));
    r.write_u8(R, 9);
    assert_eq!(r.read(R, 4), Some(&[9, 0, 0, 0][..]));
    r.write(Reg(5), &[7, 7, 7, 7, 7, 7]);
    assert_eq!(r.read(R, 16), Some(&[9, 0, 0, 0, 7, 7, 7, 7, 7, 7, 0, 0, 0xff, 0xff, 0xff, 0xff][..]));
}

#[test]
fn a_word_is_known_or_not_by_itself() {
    let mut r = Registers::default();
    assert_eq!(r.read(R, 1), None);
    assert_eq!(r.unknown(R, 4).what, "a register that no rule has loaded");
    r.write_u32(R, 5);
    r.write_unknown(Reg(5), 2, Unknown::fact("weather"));
    assert_eq!(r.read(R, 4), Some(&5u32.to_ne_bytes()[..]));
    assert_eq!(r.read(R, 5), None);
    assert_eq!(r.unknown(R, 8).what, "weather");
    assert_eq!(r.words(R, 8).collect::<Vec<_>>(), [Some(5u32.to_ne_bytes()), None]);
    assert!(r.identity(R, 8).is_some());
    r.write_unknown(Reg(5), 4, Unknown::fresh("dice"));
    assert_eq!(r.identity(R, 8), None);
}

#[test]
fn the_same_fact_has_the_same_identity_in_the_same_place_and_a_changed_one_another() {
    let mut r = Registers::default();
    r.write_unknown(R, 4, Unknown::fact("a"));
    let first = r.identity(R, 4);
    r.write_unknown(R, 4, Unknown::fact("a"));
    assert_eq!(r.identity(R, 4), first);
    r.write_unknown(R, 4, Unknown::fact("a").changed(("mask", 3)));
    assert_ne!(r.identity(R, 4), first);
}

#[test]
fn registers_that_do_not_exist_are_unknown_and_harmless() {
    let mut r = Registers::default();
    r.write(Reg(19), &[1; 8]);
    r.write(Reg(99), &[1; 8]);
    r.write_unknown(Reg(18), 400, Unknown::fact("x"));
    assert_eq!(r.read(Reg(19), 8), None);
    assert_eq!(r.read(Reg::VERDICT, 4), None);
    assert_eq!(r.words(Reg(19), 8).count(), 2);
    assert!(r.identity(Reg(19), 12).is_some());
}
