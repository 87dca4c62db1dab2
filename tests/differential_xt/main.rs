//! Legacy tables on the running kernel against the evaluator: random rules, random packets, and for each packet the rules
//! that it met, told apart by their counters.
//!
//! `NFBLAME_DIFFERENTIAL_XT=ROUNDS[:SEED]` makes a longer run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "../common/mod.rs"]
mod common;
mod packets;
mod random;
mod rules;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use common::require;
use nfblame::evaluate::place::TableRef;
use nfblame::evaluate::traversal::Begin;
use nfblame::evaluate::xt::Program;
use nfblame::evaluate::{Assumptions, Context, Decision, Hook, Packet};
use nfblame_sys::xt::{Family, Table};
use packets::Shot;
use random::Random;
use rules::{Features, Ruleset};
use world::{World, counters};

/// What a packet met: table, chain, position (0 for the policy).
type Met = BTreeMap<(String, String, usize), u64>;

/// What became of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Fate {
    met: Met,
    /// The frame that left, from its network header on.
    left: Option<Vec<u8>>,
}

/// Counts of one run.
#[derive(Debug, Default)]
struct Score {
    pairs: u64,
    certain: u64,
    open: u64,
    left: u64,
    rules: u64,
}

#[test]
fn every_packet_meets_the_rules_that_the_evaluator_says() {
    if !require(&["iptables-legacy-restore", "ip6tables-legacy-restore"]) {
        return;
    }
    let (rounds, seed) = match std::env::var("NFBLAME_DIFFERENTIAL_XT") {
        Ok(v) => {
            let (rounds, seed) = v.split_once(':').unwrap_or((&v, "1"));
            (rounds.parse().expect("ROUNDS[:SEED]"), seed.parse().expect("ROUNDS[:SEED]"))
        }
        Err(_) => (12, 1),
    };
    for family in [Family::Ip, Family::Ip6] {
        let mut world = World::new(family);
        let features = Features::probe(&world);
        let mut score = Score::default();
        for round in 0..rounds {
            let mut random = Random::new(seed * 1_000_003 + round);
            let ruleset = Ruleset::random(&mut random, &features);
            play(&mut world, &mut random, &ruleset, &mut score, &features);
        }
        eprintln!(
            "{family:?}: {} packets against {} rules: {} certain, all right; {} open, the truth among the answers; \
             {} left the host as predicted, byte by byte; {} of {} kinds of match and target known here",
            score.pairs,
            score.rules,
            score.certain,
            score.open,
            score.left,
            features.known(),
            features.total()
        );
        assert!(score.certain > score.pairs / 2, "most answers should be certain");
    }
}

/// One ruleset, many packets.
fn play(world: &mut World, random: &mut Random, ruleset: &Ruleset, score: &mut Score, features: &Features) {
    world.install(&ruleset.text());
    let tables = world.tables();
    score.rules += ruleset.rules() as u64;
    let programs: Vec<Program> = tables.iter().enumerate().map(|(i, t)| Program::new(TableRef::Xt(i), t)).collect();
    for _ in 0..80 {
        let shot = Shot::random(random, world);
        let actual = shoot(world, &tables, &shot);
        let answers = predict(world, &tables, &programs, &shot);
        score.pairs += 1;
        if answers.len() == 1 {
            score.certain += 1
        } else {
            score.open += 1
        }
        if actual.left.is_some() {
            score.left += 1;
        }
        if !answers.contains(&actual) {
            eprintln!("disagreement on {shot}\n  actual {actual:02x?}\n  predicted {answers:02x?}");
            let small = shrink(world, ruleset, &shot);
            world.install(&small.text());
            let tables = world.tables();
            let programs: Vec<Program> =
                tables.iter().enumerate().map(|(i, t)| Program::new(TableRef::Xt(i), t)).collect();
            let actual = shoot(world, &tables, &shot);
            let answers = predict(world, &tables, &programs, &shot);
            let mut said = String::new();
            for a in &answers {
                let _ = writeln!(said, "  predicted {:?} left {:02x?}", a.met, a.left);
            }
            assert!(!answers.contains(&actual), "the disagreement did not come again");
            panic!(
                "the kernel disagrees\n{}\n{shot}\n  actual    {:?} left {:02x?}\n{said}features {}",
                small.text(),
                actual.met,
                actual.left,
                features.known()
            );
        }
    }
}

/// Takes away rules as long as the kernel still disagrees.
fn shrink(world: &World, ruleset: &Ruleset, shot: &Shot) -> Ruleset {
    let mut small = ruleset.clone();
    let mut at = 0;
    while at < small.rules() {
        let candidate = small.without(at);
        if world.try_install(&candidate.text()) {
            let tables = world.tables();
            let programs: Vec<Program> =
                tables.iter().enumerate().map(|(i, t)| Program::new(TableRef::Xt(i), t)).collect();
            let actual = shoot(world, &tables, shot);
            if !predict(world, &tables, &programs, shot).contains(&actual) {
                small = candidate;
                continue;
            }
        }
        at += 1;
    }
    small
}

/// Sends the packet and sees what counted it.
fn shoot(world: &World, tables: &[Table], shot: &Shot) -> Fate {
    let names: Vec<&[u8]> = tables.iter().map(|t| t.name().as_bytes()).collect();
    let before = counters(world, &names);
    let left = world.shoot(shot);
    let after = counters(world, &names);
    let met = after
        .into_iter()
        .filter_map(|(place, n)| {
            let met = n - before.get(&place).copied().unwrap_or(0);
            (met > 0).then_some((place, met))
        })
        .collect();
    Fate { met, left }
}

/// What the evaluator says, for every combination of answers to open questions.
fn predict(world: &World, tables: &[Table], programs: &[Program], shot: &Shot) -> Vec<Fate> {
    let mut fates = Vec::new();
    let mut assumptions = Assumptions::new();
    loop {
        let fate = walk(world, tables, programs, shot, &mut assumptions);
        if !fates.contains(&fate) {
            fates.push(fate);
        }
        if !assumptions.next() {
            assert!(!assumptions.exhausted(), "too many open questions");
            return fates;
        }
    }
}

/// The legacy tables in the order of their hooks' priorities; conntrack and NAT are not here.
const ORDER: [&str; 4] = ["raw", "mangle", "filter", "security"];

/// One packet through the host, as far as these tests build one.
fn walk(world: &World, tables: &[Table], programs: &[Program], shot: &Shot, assumptions: &mut Assumptions) -> Fate {
    let mut fate = Fate::default();
    let mut cx = Context::new(world.packet(shot), world.entry(shot), world, assumptions);
    loop {
        for name in ORDER {
            let Some(i) = tables.iter().position(|t| *t.name() == name) else { continue };
            let Some(program) = programs.get(i) else { continue };
            let table = &tables[i];
            let ended = program.run(&mut cx, &Begin::Start, &mut |tried| {
                if tried.matched {
                    let chain = table.chains().nth(tried.at.chain.chain).unwrap().name().to_string();
                    *fate.met.entry((name.to_owned(), chain, tried.at.position.unwrap_or(0))).or_default() += 1;
                }
            });
            match ended.map(|e| e.decision) {
                None | Some(Decision::Accept) => {}
                Some(Decision::Drop | Decision::Reject(_) | Decision::Stolen(_)) => return fate,
                Some(Decision::Queue { bypass: true, .. }) => {}
                Some(Decision::Queue { .. }) => return fate,
                Some(other) => panic!("{other:?} is no way to end"),
            }
        }
        match world.next(&mut cx) {
            Some(hook) => cx.hook = hook,
            None => break,
        }
    }
    if cx.hook == Hook::Postrouting {
        fate.left = Some(known_bytes(&cx.packet));
    }
    fate
}

fn known_bytes(packet: &Packet) -> Vec<u8> {
    packet.bytes.clone()
}
