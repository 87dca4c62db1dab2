//! What comes in by the ports of a bridge, and by a device that is none: random bridges, rules of the families bridge, netdev,
//! arp, inet and ip, and frames. For each what `explain` says before it is sent against the kernel's own trace, the ports that
//! it left by, and whether the host behind the bridge got it.
//!
//! `NFBLAME_DIFF_BRIDGES` makes it longer, `NFBLAME_DIFFERENTIAL_SEED` begins elsewhere: see docs/differential.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::indexing_slicing, reason = "test code")]

#[path = "../common/mod.rs"]
mod common;
mod config;
mod frames;
mod judge;
#[path = "../differential_nft/rng.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod rng;
mod world;

use std::collections::BTreeMap;

use common::kernel::{self, kernel_tests};
use config::Item;
use frames::Frame;
use judge::{Outcome, ask};
use nfblame::host::KernelHost;
use nfblame::ruleset::Ruleset;
use rng::Rng;
use world::World;

kernel_tests! {
    frames_take_the_way_that_was_explained needs ["ip", "nft", "bridge", "arptables-legacy"];
}

fn main() {
    kernel::run(cases());
}

const BRIDGES: u64 = 20;
/// Frames for one bridge.
const FRAMES: u16 = 50;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Explains a frame, sends it, and compares.
fn one(world: &mut World, frame: &Frame) -> (Outcome, String) {
    let (rules, kernel) = (Ruleset::read().unwrap(), KernelHost::open().unwrap());
    let answer = ask(&rules, &kernel, frame);
    if !world.send(frame) {
        return (Outcome::Open, "not sent".into());
    }
    let mut seen = world.see(frame);
    let mut outcome = answer.judge(&seen);
    // What a neighbour has to be asked for, or another queue carries, may take a moment.
    for _ in 0..5 {
        if !matches!(outcome, Outcome::Differs(_)) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
        seen.add(world.see(frame));
        outcome = answer.judge(&seen);
    }
    (outcome, answer.label())
}

/// The same on a host of its own.
fn alone(items: &[Item], frames: &[Frame]) -> Option<String> {
    let mut world = World::new(items);
    let mut last = None;
    for frame in frames {
        last = match one(&mut world, frame).0 {
            Outcome::Differs(why) => Some(why),
            _ => None,
        };
    }
    last
}

/// What is left of a host when all that the difference comes without is left out.
fn small(items: &[Item], frames: &[Frame], why: &str) -> String {
    let (mut left, mut sent) = (items.to_vec(), frames.to_vec());
    let tell = |items: &[Item], frames: &[Frame], why: &str| {
        let items: String = items.iter().map(|i| format!("  {i}\n")).collect();
        let frames: String = frames.iter().map(|f| format!("{f}\n")).collect();
        format!("{items}{frames}{why}")
    };
    if let Some(why) = alone(&left, &sent[sent.len() - 1..]) {
        sent.drain(..sent.len() - 1);
        let _ = why;
    }
    let Some(mut told) = alone(&left, &sent) else {
        return format!("not on a host of its own:\n{}", tell(items, &frames[frames.len() - 1..], why));
    };
    let mut at = 0;
    while at + 1 < sent.len() {
        let mut fewer = sent.clone();
        fewer.remove(at);
        match alone(&left, &fewer) {
            Some(why) => (sent, told) = (fewer, why),
            None => at += 1,
        }
    }
    let mut at = 0;
    while at < left.len() {
        let mut fewer = left.clone();
        fewer.remove(at);
        match alone(&fewer, &sent) {
            Some(why) => (left, told) = (fewer, why),
            None => at += 1,
        }
    }
    tell(&left, &sent, &told)
}

fn frames_take_the_way_that_was_explained() {
    let bridges = number("NFBLAME_DIFF_BRIDGES").unwrap_or(BRIDGES);
    let first = number("NFBLAME_DIFFERENTIAL_SEED").unwrap_or(1);
    let keep_going = std::env::var_os("NFBLAME_DIFFERENTIAL_ALL").is_some();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for seed in first..first + bridges {
        let mut r = Rng::new(seed);
        let items = config::random(&mut r);
        let mut world = World::new(&items);
        let mut sent: Vec<Frame> = Vec::new();
        for n in 0..FRAMES {
            sent.push(Frame::random(&mut r, 1000 + n));
            let (outcome, label) = one(&mut world, &sent[sent.len() - 1]);
            let word = outcome.word();
            *counts.entry(word).or_default() += 1;
            *ends.entry(format!("{word}: {label}")).or_default() += 1;
            if let Outcome::Differs(why) = outcome {
                eprintln!("seed {seed}:\n{}", small(&items, &sent, &why));
                assert!(keep_going, "a frame took another way, told above");
                break;
            }
        }
    }
    let told: Vec<String> = counts.iter().map(|(word, n)| format!("{n} {word}")).collect();
    eprintln!("seeds {first} to {}: {}", first + bridges - 1, told.join(", "));
    if std::env::var_os("NFBLAME_DIFFERENTIAL_VERBOSE").is_some() {
        for (what, n) in ends {
            eprintln!("{n:6} {what}");
        }
    }
    assert!(!counts.contains_key(Outcome::DIFFERS), "told above");
}
