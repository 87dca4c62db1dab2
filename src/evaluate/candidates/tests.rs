//! Rules that are found, and rules that are left out.

use super::*;

const SOURCE: Field = 0;
const PROTOCOL: Field = 1;
const PORT: Field = 2;

fn tried(filed: &Candidates, rules: usize, have: impl FnMut(Field) -> Have) -> Vec<usize> {
    let mut matching = filed.of(have);
    let mut all = Vec::new();
    let mut from = 0;
    while let Some(n) = matching.next(from).filter(|&n| n < rules) {
        all.push(n);
        from = n + 1;
    }
    all
}

#[test]
fn a_packet_finds_what_asks_for_it_and_what_asks_for_nothing() {
    let key = |n: u128| (!n.is_multiple_of(10)).then(|| Key::new(SOURCE, 0xff00, (n % 7) << 8));
    let filed = Candidates::new(&(0..100).map(|n| key(n).into_iter().collect()).collect::<Vec<_>>());
    let expected: Vec<usize> = (0..100).filter(|n| n % 10 == 0 || n % 7 == 3).collect();
    assert_eq!(tried(&filed, 100, |_| Have::Is(0x3ab)), expected);
    assert_eq!(tried(&filed, 100, |_| Have::Nothing), (0..100).step_by(10).collect::<Vec<_>>());
    for have in [Have::Unknown, Have::Entangled] {
        assert_eq!(tried(&filed, 100, |_| have), (0..100).collect::<Vec<_>>());
    }
}

#[test]
fn the_condition_that_fewest_rules_share_is_chosen() {
    let rule =
        |n: u128| [Key::new(PROTOCOL, 0xff, 6), Key::new(PORT, 0xffff, n), Key::new(SOURCE, u128::MAX, 0x0a00_0000)];
    let filed = Candidates::new(&(0..50).map(|n| rule(n).into_iter().collect()).collect::<Vec<_>>());
    let have = |field| Have::Is([0x0a00_0000, 6, 7][usize::from(field)]);
    assert_eq!(tried(&filed, 50, have), [7]);
}

#[test]
fn ranges_are_found_among_values() {
    let rule = |n: u128| {
        let wanted = if n.is_multiple_of(2) {
            Wanted::Between(n * 10, n * 10 + 14)
        } else {
            return [Key::new(PORT, 0xffff, n * 10)].into_iter().collect();
        };
        [Key { field: PORT, wanted }].into_iter().collect()
    };
    let filed = Candidates::new(&(0..100).map(rule).collect::<Vec<_>>());
    for have in 0..1100usize {
        let n = have / 10;
        let want: Vec<usize> = (n.saturating_sub(2)..=n)
            .filter(|&r| r < 100 && if r % 2 == 0 { (r * 10..=r * 10 + 14).contains(&have) } else { r * 10 == have })
            .collect();
        assert_eq!(tried(&filed, 100, |_| Have::Is(have as u128)), want, "{have}");
    }
    assert_eq!(tried(&filed, 100, |_| Have::Unknown).len(), 100);
}
