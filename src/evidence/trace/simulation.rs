//! Random packets, whose records come interleaved over two streams that are read at any pace.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::VecDeque;

use proptest::prelude::*;

use super::join::QUIET;
use super::journey::End;
use super::tests::{OURS, Rig, first, header, legacy, record, rule, steps};
use crate::evaluate::hook::Hook;
use crate::evidence::legacy::LegacyTrace;
use crate::sys::nft::{Trace, Verdict};

/// What a packet meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// An nft rule of input drops it.
    Dropped,
    /// The second legacy rule of forward drops it.
    Taken,
    /// It goes out, its destination rewritten.
    Passed,
}

#[derive(Debug, Clone)]
enum Kept {
    Nft(Box<Trace>),
    Legacy(Box<LegacyTrace>),
}

/// The records of one packet in the kernel's order, and the journey that they are.
fn script(fate: Fate, trace_id: u32, id: u8) -> (VecDeque<Kept>, Vec<&'static str>, End) {
    let nft = |t: Trace| Kept::Nft(Box::new(t));
    let legacy = |hook, number, h: Vec<u8>| Kept::Legacy(Box::new(legacy(hook, number, h)));
    let mut records = VecDeque::from([
        nft(first(trace_id, OURS, "mark-prerouting", header(id, 2))),
        legacy(Hook::Prerouting, 1, header(id, 2)),
    ]);
    let mut text = vec!["> prerouting", "prerouting legacy 1", "< prerouting"];
    let (to, more, end): (u8, Vec<&str>, End) = match fate {
        Fate::Dropped => (2, vec!["> input", "input in", "input legacy 1"], End::Dropped),
        Fate::Taken => (2, vec!["> forward", "forward legacy 1", "forward legacy 2"], End::Silent),
        Fate::Passed => {
            (3, vec!["> postrouting", "postrouting legacy 7", "< postrouting"], End::Passed(Hook::Postrouting))
        }
    };
    text.extend(more);
    records.push_back(nft(first(trace_id, OURS, "leave-prerouting", header(id, to))));
    records.extend(match fate {
        Fate::Dropped => vec![
            nft(first(trace_id, OURS, "enter-input", header(id, to))),
            legacy(Hook::Input, 1, header(id, to)),
            nft(rule(trace_id, "in", 3, Verdict::Drop, header(id, to))),
        ],
        Fate::Taken => vec![
            nft(first(trace_id, OURS, "enter-forward", header(id, to))),
            nft(record(trace_id, OURS, "enter-forward")),
            legacy(Hook::Forward, 1, header(id, to)),
            legacy(Hook::Forward, 2, header(id, to)),
        ],
        Fate::Passed => vec![
            nft(first(trace_id, OURS, "enter-postrouting", header(id, to))),
            legacy(Hook::Postrouting, 7, header(id, to)),
            nft(first(trace_id, OURS, "leave-postrouting", header(id, to))),
        ],
    });
    (records, text, end)
}

/// So many packets are on their way at once, each with a trace id that later ones use again.
const SLOTS: usize = 3;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_journey_is_whole(
        fates in prop::collection::vec(prop::sample::select(vec![Fate::Dropped, Fate::Taken, Fate::Passed]), 1..40),
        pace in prop::collection::vec((0usize..SLOTS, 0usize..12, 0usize..12), 1..400),
    ) {
        let mut rig = Rig::new();
        let mut waiting: VecDeque<_> = fates.iter().enumerate().collect();
        let mut slots: [VecDeque<Kept>; SLOTS] = Default::default();
        let (mut from_nft, mut from_legacy) = (VecDeque::new(), VecDeque::new());
        let mut want = Vec::new();
        let mut got = Vec::new();
        // A packet of which only its silence tells is over when its trace id is used again, not before.
        let ends = pace.len();
        for (turn, (slot, made, read)) in pace.into_iter().chain(std::iter::repeat((0, 100, 100))).enumerate() {
            for i in 0..made {
                let slot = (slot + i) % SLOTS;
                if slots[slot].is_empty() && let Some((id, fate)) = waiting.pop_front() {
                    let (records, text, end) = script(*fate, slot as u32, id as u8);
                    slots[slot] = records;
                    want.push((text.into_iter().map(str::to_owned).collect::<Vec<_>>(), end));
                }
                match slots[slot].pop_front() {
                    Some(Kept::Nft(t)) => from_nft.push_back(t),
                    Some(Kept::Legacy(t)) => from_legacy.push_back(t),
                    None => {}
                }
            }
            for t in from_nft.drain(..read.min(from_nft.len())) {
                rig.nft(*t);
            }
            let nft_drained = from_nft.is_empty();
            while let Some(t) = from_legacy.pop_front() {
                let now = rig.now();
                if !rig.joiner.legacy(*t, now) && !nft_drained {
                    break;
                }
            }
            rig.joiner.settle(|j| got.push(j));
            let over = waiting.is_empty() && slots.iter().all(VecDeque::is_empty) && nft_drained && from_legacy.is_empty();
            if turn >= ends && over {
                break;
            }
        }
        got.extend(rig.after(QUIET));
        let mut got: Vec<_> = got
            .iter()
            .map(|j| {
                assert!(j.selected && !j.incomplete && !j.ambiguous);
                (steps(j), j.end)
            })
            .collect();
        got.sort_by(|a, b| a.0.cmp(&b.0));
        want.sort_by(|a, b| a.0.cmp(&b.0));
        prop_assert_eq!(got, want);
        prop_assert_eq!(rig.joiner.next_alarm(), None);
    }
}
