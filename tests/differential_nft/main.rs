//! nf_tables evaluated here against nf_tables in the kernel: random rulesets, random packets, the same way through both.
//!
//! Every record of the kernel's own trace (chain, rule, verdict, mark) has to be told by the evaluation, in order.
//! `NFBLAME_DIFF_RULESETS` makes it longer, `NFBLAME_DIFF_SEED` begins elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::indexing_slicing, reason = "test code")]

mod check;
#[path = "../common/mod.rs"]
mod common;
mod host;
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
    translated_packets_take_the_same_way needs ["nft"];
}

fn main() {
    kernel::run(cases());
}

const PACKETS: usize = 60;
const RULESETS: u64 = 60;
const SEED: u64 = 1;
/// In one set of namespaces: then the connections, each with a source port of its own, begin to repeat.
const TRANSLATING: u64 = 500;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn rounds() -> std::ops::Range<u64> {
    let (count, seed) = (number("NFBLAME_DIFF_RULESETS"), number("NFBLAME_DIFF_SEED"));
    let seed = seed.unwrap_or(SEED);
    seed..seed + count.unwrap_or(RULESETS)
}

fn the_kernel_and_the_evaluation_take_the_same_way() {
    lab::stay();
    // Where rules track connections fragments are collected, for a while longer than the rules are there.
    let (plain, tracking) = (Lab::new(), Lab::new());
    let lab = |rules: &Ruleset| if rules.tracks { &tracking } else { &plain };
    let mut all = All::default();
    for n in rounds() {
        let mut rng = Rng::new(n);
        let rules = Ruleset::random(&mut rng, false);
        let mut packets = Packets::new(rng, rules.tracks, rules.ingress, None);
        let probes: Vec<Probe> = (0..PACKETS).map(|_| packets.next()).collect();
        all.add(n, lab(&rules), rules, &probes);
    }
    all.judge(|rules, probe| check::run(lab(rules), rules, std::slice::from_ref(probe)));
}

fn translated_packets_take_the_same_way() {
    lab::stay();
    let mut all = All::default();
    let (mut lab, mut port) = (Lab::new(), 2000);
    for (i, n) in rounds().enumerate() {
        if i as u64 % TRANSLATING == TRANSLATING - 1 {
            (lab, port) = (Lab::new(), 2000);
        }
        let mut rng = Rng::new(n);
        let rules = Ruleset::random(&mut rng, true);
        let mut packets = Packets::new(rng, true, false, Some(port));
        let probes: Vec<Probe> = (0..PACKETS).map(|_| packets.next()).collect();
        port = packets.port.unwrap_or(port);
        all.add(n, &lab, rules, &probes);
    }
    // The same packet begins a connection once: each smaller ruleset has a host of its own.
    all.judge(|rules, probe| check::run(&Lab::new(), rules, std::slice::from_ref(probe)));
}

/// What came of all rulesets.
#[derive(Default)]
struct All {
    tally: Tally,
    failures: Vec<(u64, Ruleset, Probe, String)>,
}

impl All {
    fn add(&mut self, seed: u64, lab: &Lab, rules: Ruleset, probes: &[Probe]) {
        match check::run(lab, &rules, probes) {
            Ok(outcomes) => {
                self.tally.rulesets += 1;
                self.tally.rules += rules.rules();
                for (probe, outcome) in probes.iter().zip(outcomes) {
                    if let Outcome::Differs(why) = &outcome {
                        self.failures.push((seed, rules.clone(), probe.clone(), why.clone()));
                    }
                    self.tally.add(&outcome);
                }
            }
            Err(refused) => {
                self.tally.refused += 1;
                if std::env::var_os("NFBLAME_DIFF_VERBOSE").is_some() {
                    eprintln!("seed {seed}: {refused}");
                }
            }
        }
    }

    /// Fails if there was a difference, with the least of it.
    fn judge(self, run: impl Fn(&Ruleset, &Probe) -> Result<Vec<Outcome>, String>) {
        eprintln!("{}", self.tally);
        if let Some((seed, rules, probe, why)) = self.failures.first() {
            // A difference that needs the packets before it stays as it is.
            let smaller = check::shrink(rules.clone(), |rules| run(rules, probe));
            let (rules, why) = smaller.unwrap_or_else(|| (rules.clone(), why.clone()));
            let (found, of) = (self.failures.len(), self.tally.packets);
            panic!("{found} of {of} differ; seed {seed}:\n{}{probe:x?}\n{why}", rules.text());
        }
        assert!(self.tally.refused * 20 <= self.tally.rulesets, "nft refuses too many rulesets: {}", self.tally);
    }
}
