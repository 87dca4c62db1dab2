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
#[path = "../differential_nft/rules.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod nft_rules;
mod packets;
#[path = "../differential_xt/random.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod random;
mod regressions;
#[path = "../differential_nft/rng.rs"]
mod rng;
mod rules;
mod world;
#[path = "../differential_xt/rules.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod xt_rules;

use common::kernel::{self, kernel_tests};
use compare::{Outcome, Tally, ask};
use nfblame::host::KernelHost;
use nfblame::ruleset::Ruleset;
use packets::{Shot, Shots};
use rules::{Able, Mixed, TOOLS, Texts};
use world::{Host, Seen, World};
use xt_rules::Features;

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
    let mut lab = Lab::new();
    let able = Able::probe(&lab.host);
    for seed in 1..=3 {
        let rules = Mixed::random(seed, &able, true);
        rules.texts().install(&lab.host, &mut lab.legacy).unwrap();
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
            Ok(Some(why)) | Err(why) => wrong += &format!("{}:\n{}{why}\n", case.name, case.rules),
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
    let mut lab = Lab::new();
    let able = Able::probe(&lab.host);
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
                let text = failure.tell(seed, &rules);
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

/// A host, and what is to be remembered of it.
struct Lab {
    host: Host,
    legacy: Vec<(usize, &'static str)>,
    id: u16,
    /// The source port of new connections.
    port: u16,
}

/// Gives the next packet, told what came of the last one.
type Next<'n> = dyn FnMut(Option<(Shot, &Seen)>) -> Option<Shot> + 'n;

/// A packet that went another way, with those before it.
struct Failure {
    shots: Vec<Shot>,
    why: String,
}

impl Lab {
    /// With the ipsets that generated rules name.
    fn new() -> Self {
        let lab = Self::bare();
        for (family, nft) in TOOLS.into_iter().filter(|t| !t.1) {
            Features::make_sets(&World { family, host: &lab.host, nft });
        }
        lab
    }

    fn bare() -> Self {
        Self { host: Host::new(), legacy: Vec::new(), id: 100, port: 2000 }
    }

    /// Loads rules, and sends packets that `shots` makes; the first that goes another way than was said.
    fn round(
        &mut self,
        rules: &Mixed,
        tally: &mut Tally,
        mut shots: Shots,
        count: usize,
    ) -> Result<Option<Failure>, String> {
        let mut sent = Vec::new();
        tally.rules += rules.rules();
        let failure = self.play(&rules.texts(), tally, count, &mut |last| {
            if let Some((shot, seen)) = last {
                shots.sent(shot, seen.left.clone());
            }
            let shot = shots.next(0);
            sent.push(shot.clone());
            Some(shot)
        })?;
        Ok(failure.map(|why| Failure { shots: sent, why }))
    }

    /// The same with packets that are there.
    fn again(&mut self, rules: &Texts, shots: &[Shot]) -> Result<Option<String>, String> {
        let mut shots = shots.iter();
        self.play(rules, &mut Tally::default(), shots.len(), &mut |_| shots.next().cloned())
    }

    fn play(
        &mut self,
        rules: &Texts,
        tally: &mut Tally,
        count: usize,
        next: &mut Next<'_>,
    ) -> Result<Option<String>, String> {
        self.host.ns.ns().enter().map_err(|e| e.to_string())?;
        rules.install(&self.host, &mut self.legacy)?;
        self.host.forget();
        let mut read = Ruleset::read().map_err(|e| e.to_string())?;
        if !read.problems.is_empty() {
            return Err(format!("{:?}", read.problems));
        }
        tally.rulesets += 1;
        let has_state = rules.have_state();
        let kernel = KernelHost::open().map_err(|e| e.to_string())?;
        let mut watch = self.host.watch();
        let mut last: Option<(Shot, Seen)> = None;
        for _ in 0..count {
            let Some(shot) = next(last.as_ref().map(|(shot, seen)| (shot.clone(), seen))) else { break };
            self.id = self.id.checked_add(1).unwrap_or(100);
            self.port = self.port.checked_add(1).unwrap_or(2000);
            let shot = shot.marked(self.id);
            if has_state {
                read = Ruleset::read().map_err(|e| e.to_string())?;
            }
            kernel.forget();
            let answer = ask(&read, &kernel, &shot);
            watch.next();
            self.host.send(&shot);
            let mut seen = Seen::default();
            self.host.see(&mut watch, self.id, &mut seen);
            let mut outcome = answer.judge(&seen);
            // What goes by the loopback may take a moment.
            for _ in 0..10 {
                if !matches!(outcome, Outcome::Differs(_)) {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
                self.host.see(&mut watch, self.id, &mut seen);
                outcome = answer.judge(&seen);
            }
            tally.add(&outcome, &answer, &seen);
            if let Outcome::Differs(why) = outcome {
                return Ok(Some(format!("{shot:?}\n{why}")));
            }
            last = Some((shot, seen));
        }
        Ok(None)
    }
}

impl Failure {
    /// Makes it small, and tells it.
    fn tell(&self, seed: u64, rules: &Mixed) -> String {
        let again = |rules: &Mixed, shots: &[Shot]| Lab::new().again(&rules.texts(), shots).ok().flatten();
        let Some(mut why) = again(rules, &self.shots) else {
            return format!("seed {seed}: it did not come again\n{}{}", rules.texts(), self.why);
        };
        let mut shots = self.shots.clone();
        let last = shots.len() - 1;
        if let Some(told) = again(rules, &shots[last..]) {
            (shots, why) = (shots[last..].to_vec(), told);
        }
        // The packets before it: many at once, then fewer.
        let mut many = shots.len() / 2;
        while many > 0 {
            let mut at = 0;
            while at + many < shots.len() {
                let mut fewer = shots.clone();
                fewer.drain(at..at + many);
                match again(rules, &fewer) {
                    Some(told) => (shots, why) = (fewer, told),
                    None => at += many,
                }
            }
            many /= 2;
        }
        let rules = rules.clone().shrink(&mut |rules| match again(rules, &shots) {
            Some(told) => {
                why = told;
                true
            }
            None => false,
        });
        let before: String = shots[..shots.len() - 1].iter().map(|s| format!("before it: {s:?}\n")).collect();
        format!("seed {seed}:\n{}{before}{why}", rules.texts())
    }
}
