//! Every decoder against bytes that no tool would write.

use proptest::prelude::*;

use super::*;

const FAMILIES: [Family; 4] = [Family::Ip, Family::Ip6, Family::Arp, Family::Bridge];

#[test]
fn every_known_name_is_known_in_a_family_and_nothing_is_known_of_nothing() {
    let data = [0; 5000];
    for name in NAMES.iter().copied().chain(["nonsense"]) {
        let decoded = |revision, data| {
            FAMILIES
                .map(|family| decode(family, name.as_bytes(), revision, data))
                .map(|m| matches!(m, Match::Unknown { .. }))
        };
        let known = (0..5).any(|revision| decoded(revision, &data).contains(&false));
        assert_eq!(known, name != "nonsense", "{name}");
        assert_eq!(decoded(200, &data), [true; 4], "{name}: no tool has that revision");
        // These have nothing to read.
        if !matches!(name, "comment" | "eui64" | "socket") {
            for revision in 0..5 {
                assert_eq!(decoded(revision, &[]), [true; 4], "{name}");
            }
        }
    }
}

#[test]
fn what_is_not_known_stays_there_raw() {
    let m = decode(Family::Ip, b"tcp", 9, b"\x01\x02");
    assert_eq!(m, Match::Unknown { name: TextRef::new(b"tcp"), revision: 9, data: Bytes(b"\x01\x02") });
    let short = decode(Family::Ip, b"conntrack", 3, &[0; 100]);
    assert!(matches!(short, Match::Unknown { .. }));
}

proptest! {
    #[test]
    fn odd_payloads_never_panic(
        name in 0..NAMES.len(),
        family in 0..FAMILIES.len(),
        revision in 0..6u8,
        data in proptest::collection::vec(any::<u8>(), 0..2200),
    ) {
        let m = decode(FAMILIES[family], NAMES[name].as_bytes(), revision, &data);
        // What is lazy is read here.
        let shown = format!("{m:?}");
        prop_assert!(!shown.is_empty());
        match m {
            Match::Bpf(Bpf::Bytecode(program)) => prop_assert!(program.instructions().len() <= 64),
            Match::Multiport(m) => prop_assert!(m.ports.ranges().count() <= 15),
            Match::Policy(m) => prop_assert!(m.elements.iter().count() <= 4),
            Match::Rt(m) => prop_assert!(m.addresses.iter().len() <= 16),
            Match::U32(m) => {
                for test in m.tests.iter() {
                    prop_assert!(test.steps().count() <= 11 && test.ranges().count() <= 11);
                }
            }
            Match::Dst(m) => prop_assert!(m.options().count() <= 16),
            Match::Sctp(m) => prop_assert!(m.flags_of_chunks().len() <= 4 && (0..=255).filter(|k| m.has_chunk(*k)).count() <= 256),
            _ => {}
        }
    }
}
