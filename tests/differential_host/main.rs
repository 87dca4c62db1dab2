//! What the host does beside its rules: random addresses, routes, rules of routing, settings and sockets; random packets; and
//! for each what `explain` says before it is sent against where it arrived, and what its sender was told.
//!
//! `NFBLAME_DIFF_HOSTS` makes it longer, `NFBLAME_DIFFERENTIAL_SEED` begins elsewhere: see docs/differential.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::indexing_slicing, reason = "test code")]

#[path = "../common/mod.rs"]
mod common;
mod config;
mod judge;
mod packets;
#[path = "../differential_nft/rng.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod rng;
mod sockets;
mod world;

use std::collections::BTreeMap;

use common::kernel::{self, kernel_tests};
use config::Item;
use judge::{Outcome, ask};
use nfblame::host::KernelHost;
use nfblame::ruleset::Ruleset;
use packets::Shot;
use rng::Rng;
use world::{Seen, World};

kernel_tests! {
    packets_end_where_it_was_explained needs ["ip", "nft"];
}

fn main() {
    kernel::run(cases());
}

const HOSTS: u64 = 20;
/// Packets for one host.
const PACKETS: u16 = 60;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Explains a packet, sends it, and compares.
fn one(world: &mut World, rules: &Ruleset, kernel: &KernelHost, shot: &Shot) -> (Outcome, String) {
    kernel.forget();
    let answer = ask(rules, kernel, shot);
    let refused = world.send(shot);
    let seen = Seen { refused, ..world.see(shot) };
    let counted: Vec<&str> = seen.counted.keys().map(String::as_str).collect();
    let told = seen.told.as_deref().unwrap_or("nothing");
    let line = format!("{}; the kernel told {told} and counted {}", answer.label(), counted.join(" "));
    (answer.judge(shot, &seen), line)
}

/// The same on a host of its own.
fn alone(items: &[Item], shot: &Shot) -> Option<String> {
    let mut world = World::new(items);
    let rules = Ruleset::read().unwrap();
    let kernel = KernelHost::open().unwrap();
    match one(&mut world, &rules, &kernel, shot).0 {
        Outcome::Differs(why) => Some(why),
        _ => None,
    }
}

/// What is left of a host when all that the difference comes without is left out.
fn small(items: &[Item], shot: &Shot, why: &str) -> String {
    let mut left = items.to_vec();
    let Some(mut told) = alone(&left, shot) else {
        let items: String = left.iter().map(|i| format!("  {i}\n")).collect();
        return format!("not on a host of its own:\n{items}{shot:?}\n{why}");
    };
    let mut at = 0;
    while at < left.len() {
        let mut fewer = left.clone();
        fewer.remove(at);
        match alone(&fewer, shot) {
            Some(why) => (left, told) = (fewer, why),
            None => at += 1,
        }
    }
    let items: String = left.iter().map(|i| format!("  {i}\n")).collect();
    format!("{items}{shot:?}\n{told}")
}

fn packets_end_where_it_was_explained() {
    let hosts = number("NFBLAME_DIFF_HOSTS").unwrap_or(HOSTS);
    let first = number("NFBLAME_DIFFERENTIAL_SEED").unwrap_or(1);
    let keep_going = std::env::var_os("NFBLAME_DIFFERENTIAL_ALL").is_some();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for seed in first..first + hosts {
        let mut r = Rng::new(seed);
        let items = config::random(&mut r);
        let mut world = World::new(&items);
        let rules = Ruleset::read().unwrap();
        let kernel = KernelHost::open().unwrap();
        for n in 0..PACKETS {
            let shot = Shot::random(&mut r, 1000 + n);
            let (outcome, line) = one(&mut world, &rules, &kernel, &shot);
            let word = outcome.word();
            *counts.entry(word).or_default() += 1;
            *ends.entry(format!("{word}: {line}")).or_default() += 1;
            if let Outcome::Differs(why) = outcome {
                eprintln!("seed {seed}:\n{}", small(&items, &shot, &why));
                assert!(keep_going, "a packet ended elsewhere, told above");
                break;
            }
        }
    }
    let told: Vec<String> = counts.iter().map(|(word, n)| format!("{n} {word}")).collect();
    eprintln!("seeds {first} to {}: {}", first + hosts - 1, told.join(", "));
    if std::env::var_os("NFBLAME_DIFFERENTIAL_VERBOSE").is_some() {
        for (what, n) in ends {
            eprintln!("{n:6} {what}");
        }
    }
    assert!(!counts.contains_key(Outcome::DIFFERS), "told above");
}
