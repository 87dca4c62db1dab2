//! The whole way of packets through rules of all backends, explained here and seen in the kernel: random rulesets, random
//! packets, and for each packet what `explain` says before it is sent against the kernel's own trace (of nf_tables and of the
//! legacy tables), and against where it arrived.
//!
//! `NFBLAME_DIFFERENTIAL_PAIRS` makes it longer, `NFBLAME_DIFFERENTIAL_SEED` begins elsewhere: see docs/differential.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::indexing_slicing, reason = "test code")]

mod before;
#[path = "../common/mod.rs"]
mod common;
mod compare;
mod failure;
mod flow_rules;
mod lab;
#[path = "../differential_nft/rules.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod nft_rules;
mod packets;
mod peers;
#[path = "../differential_xt/random.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod random;
mod record;
mod regressions;
#[path = "../differential_nft/rng.rs"]
mod rng;
mod rules;
mod tcp;
mod world;
#[path = "../differential_xt/rules.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod xt_rules;

use common::kernel::{self, kernel_tests};
use compare::{Tally, ask};
use lab::{Lab, Played};
use nfblame::host::KernelHost;
use nfblame::ruleset::Ruleset;
use packets::Shots;
use peers::Peers;
use rules::{Able, Mixed, Rules};

kernel_tests! {
    what_was_found_before_stays_mended needs ["nft", "ip", "ip6tables-nft-restore"];
    connections_go_on_as_explained needs
        ["nft", "ip", "iptables-legacy-restore", "ip6tables-legacy-restore", "iptables-nft-restore",
         "ip6tables-nft-restore"];
    nonsense_is_explained_in_time needs ["nft", "ip", "ipset", "iptables-nft-restore", "ip6tables-nft-restore"];
    packets_take_the_way_that_was_explained needs
        ["nft", "ip", "ipset", "iptables-legacy-restore", "ip6tables-legacy-restore", "iptables-nft-restore",
         "ip6tables-nft-restore"];
}

fn main() {
    kernel::run(cases());
}

/// Packets that are cut anywhere, and bytes that are anything: no answer may take long, and none may end the program.
fn nonsense_is_explained_in_time() {
    let able = Able::here();
    let mut lab = Lab::new();
    for seed in 1..=3 {
        let rules = Mixed::random(seed, &able, true);
        lab.install(&rules.texts()).unwrap();
        let read = Ruleset::read().unwrap();
        let kernel = KernelHost::open().unwrap();
        let mut shots = Shots::new(seed, false, true, 2000);
        let mut rng = rng::Rng::new(seed);
        for n in 0..200 {
            let mut shot = shots.next(n + 1);
            for _ in 0..rng.below(12) {
                let at = rng.below(shot.bytes.len().min(80));
                shot.bytes[at] = rng.next() as u8;
            }
            let least = (if shot.is_v6() { 40 } else { 20 }).min(shot.bytes.len());
            shot.bytes.truncate(rng.below(shot.bytes.len() - least + 1) + least);
            let begun = std::time::Instant::now();
            ask(&read, &kernel, &shot);
            assert!(begun.elapsed().as_secs() < 10, "seed {seed}: {shot:?}");
        }
    }
}

fn what_was_found_before_stays_mended() {
    let mut wrong = String::new();
    for case in regressions::all() {
        match Lab::bare().again(&case.rules, &case.shots) {
            Ok(None) => {}
            Ok(Some(record)) => wrong += &format!("{}:\n{}{}\n", case.name, case.rules, record.why),
            Err(why) => wrong += &format!("{}:\n{}{why}\n", case.name, case.rules),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

const PAIRS: usize = 600;
const SEED: u64 = 1;
/// Packets for one ruleset.
const PACKETS: usize = 60;
/// Rulesets in one namespace.
const ROUNDS: u64 = 40;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn packets_take_the_way_that_was_explained() {
    let able = Able::here();
    let mut rounds = Rounds::new("NFBLAME_DIFFERENTIAL_PAIRS", PAIRS, Lab::new);
    while let Some(seed) = rounds.next() {
        let tracked = !seed.is_multiple_of(5);
        let rules = Mixed::random(seed, &able, tracked);
        let shots = Shots::new(seed, tracked, !tracked, rounds.lab.port);
        let played = rounds.lab.round(&rules, &mut rounds.tally, shots, PACKETS);
        rounds.add(seed, &rules, played);
    }
    rounds.end();
}

fn connections_go_on_as_explained() {
    let mut rounds = Rounds::new("NFBLAME_DIFFERENTIAL_FLOWS", PAIRS, Lab::listening);
    while let Some(seed) = rounds.next() {
        let rules = flow_rules::random(seed);
        let peers = Peers::new(seed, rounds.lab.port, flow_rules::is_short(&rules));
        let played = rounds.lab.flows(&rules, &mut rounds.tally, peers, PACKETS);
        rounds.add(seed, &rules, played);
    }
    rounds.end();
}

/// Round after round, each with a ruleset of its own.
struct Rounds {
    lab: Lab,
    make: fn() -> Lab,
    tally: Tally,
    /// The first seed, the next one, and how many packets are to be sent.
    first: u64,
    seed: u64,
    pairs: usize,
    keep_going: bool,
    failures: usize,
}

impl Rounds {
    /// `length`: the variable that says how many packets; otherwise as many as usual.
    fn new(length: &str, usual: usize, make: fn() -> Lab) -> Self {
        let first = number("NFBLAME_DIFFERENTIAL_SEED").unwrap_or(SEED);
        Self {
            lab: make(),
            make,
            tally: Tally::default(),
            first,
            seed: first,
            pairs: number(length).map_or(usual, |n| n as usize),
            keep_going: std::env::var_os("NFBLAME_DIFFERENTIAL_ALL").is_some(),
            failures: 0,
        }
    }

    fn next(&mut self) -> Option<u64> {
        if self.tally.packets >= self.pairs {
            return None;
        }
        let seed = self.seed;
        if seed % ROUNDS == ROUNDS - 1 {
            self.lab = (self.make)();
        }
        self.seed += 1;
        Some(seed)
    }

    fn add(&mut self, seed: u64, rules: &impl Rules, played: Played) {
        match played {
            Ok(None) => {}
            Ok(Some(failure)) => {
                self.failures += 1;
                let text = failure.tell(seed, rules, &mut self.lab);
                assert!(self.keep_going, "{text}\n{}", self.tally);
                eprintln!("{text}");
            }
            Err(refused) => {
                self.tally.refused += 1;
                if std::env::var_os("NFBLAME_DIFFERENTIAL_VERBOSE").is_some() {
                    eprintln!("seed {seed}: {refused}");
                }
            }
        }
    }

    fn end(self) {
        let Self { tally, first, seed, failures, .. } = self;
        eprintln!("seeds {first} to {}: {tally}", seed - 1);
        assert_eq!(failures, 0, "differences, told above");
        assert!(tally.refused * 10 <= tally.rulesets, "too many rulesets are refused: {tally}");
    }
}
