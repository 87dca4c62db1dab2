//! A smoke run of every fuzz target on stable Rust: the seeds, which are messages of a real kernel, and mutations of
//! them from fixed seeds. Nothing panics or goes on without end, and memory stays in proportion to the input.
//!
//! `NFBLAME_FUZZ_BYTES` says how many bytes of input each target gets, for a longer run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::alloc::System;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How much a target may allocate, everything that it frees again included: for each byte of input, and beside that.
/// Showing a ruleset in all ways that there are takes the most.
const BYTES_PER_BYTE: usize = 1000;
const BYTES_BESIDE: usize = 2 << 20;
/// How long one input may take, on a machine that is busy with other things.
const LONGEST: Duration = Duration::from_secs(20);
/// How much input each target gets, unless the environment says so.
const INPUT: usize = 1 << 20;
/// Mutations may grow an input up to this.
const LARGEST: usize = 64 << 10;

fn main() {
    let mut args = Arguments::from_args();
    // What is allocated is counted for the whole process.
    args.test_threads = Some(1);
    let trials = targets::TARGETS.iter().map(|&(name, run)| Trial::test(name, move || smoke(name, run)));
    libtest_mimic::run(&args, trials.collect()).exit();
}

fn smoke(name: &'static str, run: fn(&[u8])) -> Result<(), Failed> {
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "no seeds for {name}");
    let budget = std::env::var("NFBLAME_FUZZ_BYTES").map_or(INPUT, |n| n.parse().expect("a number of bytes"));
    let (mut spent, mut inputs) = (0, 0_u64);
    for seed in &seeds {
        spent += one(name, run, seed);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    while spent < budget {
        let input = mutated(&seeds, &mut random);
        spent += one(name, run, &input);
        inputs += 1;
    }
    println!("fuzz {name}: {} seeds, {inputs} mutations", seeds.len());
    Ok(())
}

/// Runs one input; returns what it counts for in the budget.
fn one(name: &str, run: fn(&[u8]), input: &[u8]) -> usize {
    let (begin, region) = (Instant::now(), Region::new(ALLOCATOR));
    let result = std::panic::catch_unwind(|| run(input));
    let (taken, allocated) = (begin.elapsed(), region.change().bytes_allocated);
    let problem = match result {
        Err(_) => "it panicked".to_owned(),
        Ok(()) if taken > LONGEST => format!("it took {taken:?}"),
        // What a walk takes depends on the rules and their jumps: it has a limit of its own, in tries.
        Ok(()) if !name.ends_with("_walk") && allocated > BYTES_BESIDE + BYTES_PER_BYTE * input.len() => {
            format!("it allocated {allocated} bytes")
        }
        Ok(()) => return input.len().max(64),
    };
    let kept = std::env::temp_dir().join(format!("nfblame-fuzz-{name}"));
    fs::write(&kept, input).unwrap();
    panic!("{name}, {} bytes, kept in {}: {problem}", input.len(), kept.display());
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let of = targets::SEEDS_OF.iter().find(|(target, _)| *target == name).map_or(name, |(_, of)| of);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(of);
    let mut paths: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|p| fs::read(p).unwrap()).collect()
}

/// xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        if n == 0 { 0 } else { (self.0 >> 11) as usize % n }
    }
}

/// A seed with some damage.
fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const TELLING: [u8; 8] = [0, 1, 2, 4, 0x7f, 0x80, 0xfe, 0xff];
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let len = random.below(bytes.len() - at).min(64);
        match random.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..at + len)),
            2 => {
                let again = bytes[at..at + len].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len()) & !3;
                bytes.truncate(at & !3);
                bytes.extend_from_slice(&other[from..]);
            }
            4 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            5 if !bytes.is_empty() => bytes[at] = random.below(256) as u8,
            // Lengths and kinds lie at even places.
            6 if bytes.len() > at + 1 => bytes[at & !1] = random.below(64) as u8,
            _ if !bytes.is_empty() => bytes[at] = TELLING[random.below(TELLING.len())],
            _ => {}
        }
    }
    bytes.truncate(LARGEST);
    bytes
}
