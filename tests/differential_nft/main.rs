//! nf_tables evaluated here against nf_tables in the kernel: random rulesets, random packets, the same way through both.
//!
//! Every record of the kernel's own trace (chain, rule, verdict, mark) has to be told by the evaluation, in order.
//! `NFBLAME_DIFF_RULESETS` makes it longer, `NFBLAME_DIFF_SEED` begins elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::indexing_slicing, reason = "test code")]

mod check;
#[path = "../common/mod.rs"]
mod common;
mod lab;
mod packets;
mod rng;
mod rules;

use check::{Outcome, Tally};
use common::kernel::{self, kernel_tests};
use lab::Lab;
use packets::{Packets, Probe};
use rng::Rng;
use rules::Ruleset;

kernel_tests! {
    the_kernel_and_the_evaluation_take_the_same_way needs ["nft"];
}

fn main() {
    kernel::run(cases());
}

const PACKETS: usize = 60;
const RULESETS: u64 = 40;
const SEED: u64 = 1;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn the_kernel_and_the_evaluation_take_the_same_way() {
    lab::stay();
    // Where rules track connections fragments are collected, for a while longer than the rules are there.
    let (plain, tracking) = (Lab::new(), Lab::new());
    let lab = |rules: &Ruleset| if rules.tracks { &tracking } else { &plain };
    let count = number("NFBLAME_DIFF_RULESETS").unwrap_or(RULESETS);
    let seed = number("NFBLAME_DIFF_SEED").unwrap_or(SEED);
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    for n in seed..seed + count {
        let mut rng = Rng::new(n);
        let rules = Ruleset::random(&mut rng);
        let mut packets = Packets::new(rng, rules.tracks, rules.ingress);
        let probes: Vec<Probe> = (0..PACKETS).map(|_| packets.next()).collect();
        match check::run(lab(&rules), &rules, &probes) {
            Ok(outcomes) => {
                tally.rulesets += 1;
                tally.rules += rules.rules();
                for (probe, outcome) in probes.iter().zip(outcomes) {
                    if let Outcome::Differs(_) = &outcome {
                        failures.push((n, rules.clone(), probe.clone()));
                    }
                    tally.add(&outcome);
                }
            }
            Err(refused) => {
                tally.refused += 1;
                if std::env::var_os("NFBLAME_DIFF_VERBOSE").is_some() {
                    eprintln!("seed {n}: {refused}");
                }
            }
        }
    }
    eprintln!("{tally}");
    if let Some((n, rules, probe)) = failures.first() {
        let (rules, why) = check::shrink(lab(rules), rules.clone(), probe);
        panic!("{} of {} differ; seed {n}:\n{}{probe:x?}\n{why}", failures.len(), tally.packets, rules.text());
    }
    assert!(tally.refused * 20 <= tally.rulesets, "nft refuses too many rulesets: {tally}");
}
