//! The whole way of packets through rules of all backends, explained here and seen in the kernel: random rulesets, random
//! packets, and for each packet what `explain` says before it is sent against the kernel's own trace (of nf_tables and of the
//! legacy tables), and against where it arrived.
//!
//! `NFBLAME_DIFFERENTIAL_PAIRS` makes it longer, `NFBLAME_DIFFERENTIAL_SEED` begins elsewhere: see docs/differential.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::indexing_slicing, reason = "test code")]

#[path = "../common/mod.rs"]
mod common;
mod compare;
mod failure;
mod lab;
#[path = "../differential_nft/rules.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod nft_rules;
mod packets;
#[path = "../differential_xt/random.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod random;
mod record;
mod regressions;
#[path = "../differential_nft/rng.rs"]
mod rng;
mod rules;
mod world;
#[path = "../differential_xt/rules.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod xt_rules;

use common::kernel::{self, kernel_tests};
use compare::{Tally, ask};
use lab::Lab;
use nfblame::host::KernelHost;
use nfblame::ruleset::Ruleset;
use packets::Shots;
use rules::{Able, Mixed};

kernel_tests! {
    what_was_found_before_stays_mended needs ["nft", "ip", "ip6tables-nft-restore"];
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
    let pairs = number("NFBLAME_DIFFERENTIAL_PAIRS").map_or(PAIRS, |n| n as usize);
    let first = number("NFBLAME_DIFFERENTIAL_SEED").unwrap_or(SEED);
    let keep_going = std::env::var_os("NFBLAME_DIFFERENTIAL_ALL").is_some();
    let able = Able::here();
    let mut lab = Lab::new();
    let mut tally = Tally::default();
    let mut seed = first;
    let mut failures = 0;
    while tally.packets < pairs {
        if seed % ROUNDS == ROUNDS - 1 {
            lab = Lab::new();
        }
        let tracked = !seed.is_multiple_of(5);
        let rules = Mixed::random(seed, &able, tracked);
        match lab.round(&rules, &mut tally, Shots::new(seed, tracked, !tracked, lab.port), PACKETS) {
            Ok(None) => {}
            Ok(Some(failure)) => {
                failures += 1;
                let text = failure.tell(seed, &rules, &mut lab);
                if keep_going {
                    eprintln!("{text}");
                } else {
                    panic!("{text}\n{tally}");
                }
            }
            Err(refused) => {
                tally.refused += 1;
                if std::env::var_os("NFBLAME_DIFFERENTIAL_VERBOSE").is_some() {
                    eprintln!("seed {seed}: {refused}");
                }
            }
        }
        seed += 1;
    }
    eprintln!("seeds {first} to {}: {tally}", seed - 1);
    assert_eq!(failures, 0, "differences, told above");
    assert!(tally.refused * 10 <= tally.rulesets, "too many rulesets are refused: {tally}");
}
