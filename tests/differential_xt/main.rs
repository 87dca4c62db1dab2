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
use std::ops::Range;

use common::{kernel, kernel_tests};
use nfblame::evaluate::nat::{self, Manip};
use nfblame::evaluate::packet::CtState;
use nfblame::evaluate::place::TableRef;
use nfblame::evaluate::traversal::Begin;
use nfblame::evaluate::xt::Program;
use nfblame::evaluate::{Assumptions, Context, Decision, Fact, Hook};
use nfblame_sys::xt::{Family, Table};
use packets::Shot;
use random::Random;
use rules::{Features, Ruleset};
use world::{Place, World, counts, places};

kernel_tests! {
    every_packet_meets_the_rules_that_the_evaluator_says needs ["iptables-legacy-restore", "ip6tables-legacy-restore"];
    the_first_packet_of_a_connection_is_translated_as_the_evaluator_says needs
        ["iptables-legacy-restore", "ip6tables-legacy-restore"];
}

fn main() {
    kernel::run(cases());
}

/// What a packet met: table, chain, position (0 for the policy).
type Met = BTreeMap<Place, u64>;

/// What became of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Fate {
    met: Met,
    /// The frame that left, from its network header on.
    left: Option<Vec<u8>>,
    /// The bytes of it that nobody can predict.
    blurred: Vec<Range<usize>>,
}

impl Fate {
    /// Is this what happened, as far as it says?
    fn agrees(&self, actual: &Self) -> bool {
        let known = |bytes: &Vec<u8>| {
            let mut bytes = bytes.clone();
            for range in &self.blurred {
                bytes[range.clone()].fill(0);
            }
            bytes
        };
        self.met == actual.met && self.left.as_ref().map(known) == actual.left.as_ref().map(known)
    }
}

/// Counts of one run.
#[derive(Debug, Default)]
struct Score {
    pairs: u64,
    certain: u64,
    open: u64,
    /// Too many open questions to follow them all up.
    undecided: u64,
    left: u64,
    rules: u64,
}

/// Rounds and seed of this run.
fn extent(rounds: u64) -> (u64, u64) {
    match std::env::var("NFBLAME_DIFFERENTIAL_XT") {
        Ok(v) => {
            let (rounds, seed) = v.split_once(':').unwrap_or((&v, "1"));
            (rounds.parse().expect("ROUNDS[:SEED]"), seed.parse().expect("ROUNDS[:SEED]"))
        }
        Err(_) => (rounds, 1),
    }
}

fn every_packet_meets_the_rules_that_the_evaluator_says() {
    compare(8, false);
}

fn the_first_packet_of_a_connection_is_translated_as_the_evaluator_says() {
    compare(4, true);
}

fn compare(rounds: u64, tracked: bool) {
    let (rounds, seed) = extent(rounds);
    for family in [Family::Ip, Family::Ip6] {
        let mut world = World::new(family);
        let features = Features::probe(&world, tracked);
        let mut game = Game { tracked, score: Score::default() };
        for round in 0..rounds {
            let mut random = Random::new(seed * 1_000_003 + round);
            let ruleset = Ruleset::random(&mut random, &features);
            game.play(&mut world, &mut random, &ruleset);
        }
        let score = game.score;
        eprintln!(
            "{family:?}{}: {} packets against {} rules: {} certain, all right; {} open, the truth among the answers; \
             {} with too many questions; \
             {} left the host as predicted, byte by byte; {} of {} kinds of match and target known here",
            if tracked { ", tracked" } else { "" },
            score.pairs,
            score.rules,
            score.certain,
            score.open,
            score.undecided,
            score.left,
            features.known(),
            features.total()
        );
        assert!(score.certain > score.pairs / 2, "most answers should be certain");
    }
}

/// A comparison under way.
struct Game {
    tracked: bool,
    score: Score,
}

impl Game {
    /// One ruleset, many packets.
    fn play(&mut self, world: &mut World, random: &mut Random, ruleset: &Ruleset) {
        world.install(&ruleset.text());
        let tables = world.tables();
        let programs = programs(&tables);
        let mut counted = Counted::new(world, &tables);
        self.score.rules += ruleset.rules() as u64;
        for n in 0..80 {
            let shot = if self.tracked {
                world.forget();
                Shot::begins(random, world, 30_000 + n)
            } else {
                Shot::random(random, world)
            };
            let actual = counted.shoot(world, &tables, &shot);
            let answers = predict(world, &tables, &programs, &shot, self.tracked);
            if answers.is_empty() {
                self.score.undecided += 1;
                continue;
            }
            self.score.pairs += 1;
            if answers.len() == 1 {
                self.score.certain += 1
            } else {
                self.score.open += 1
            }
            if actual.left.is_some() {
                self.score.left += 1;
            }
            if !answers.iter().any(|a| a.agrees(&actual)) {
                eprintln!("disagreement on {shot}\n  actual {actual:02x?}\n  predicted {answers:02x?}");
                let small = shrink(world, ruleset, &shot, self.tracked);
                self.tell(world, &small, &shot);
            }
        }
    }

    /// Fails with the smallest ruleset on which the kernel disagrees.
    fn tell(&self, world: &mut World, small: &Ruleset, shot: &Shot) {
        world.install(&small.text());
        let tables = world.tables();
        world.forget();
        let actual = Counted::new(world, &tables).shoot(world, &tables, shot);
        let answers = predict(world, &tables, &programs(&tables), shot, self.tracked);
        let mut said = String::new();
        for a in &answers {
            let _ = writeln!(said, "  predicted {:?} left {:02x?}", a.met, a.left);
        }
        assert!(!answers.iter().any(|a| a.agrees(&actual)), "the disagreement did not come again");
        panic!(
            "the kernel disagrees\n{}\n{shot}\n  actual    {:?} left {:02x?}\n{said}",
            small.text(),
            actual.met,
            actual.left
        );
    }
}

fn programs(tables: &[Table]) -> Vec<Program<'_>> {
    tables.iter().enumerate().map(|(i, t)| Program::new(TableRef::Xt(i), t)).collect()
}

/// Takes away rules as long as the kernel still disagrees.
fn shrink(world: &mut World, ruleset: &Ruleset, shot: &Shot, tracked: bool) -> Ruleset {
    let mut small = ruleset.clone();
    let mut at = 0;
    while at < small.rules() {
        let candidate = small.without(at);
        if world.try_install(&candidate.text()) {
            let tables = world.tables();
            world.forget();
            let actual = Counted::new(world, &tables).shoot(world, &tables, shot);
            let answers = predict(world, &tables, &programs(&tables), shot, tracked);
            if !answers.is_empty() && !answers.iter().any(|a| a.agrees(&actual)) {
                small = candidate;
                continue;
            }
        }
        at += 1;
    }
    small
}

/// What the rules counted so far.
struct Counted {
    places: Vec<Place>,
    counts: Vec<u64>,
}

impl Counted {
    fn new(world: &World, tables: &[Table]) -> Self {
        Self { places: places(tables), counts: counts(world, tables) }
    }

    /// Sends the packet and sees what counted it.
    fn shoot(&mut self, world: &World, tables: &[Table], shot: &Shot) -> Fate {
        let left = world.shoot(shot);
        let before = std::mem::replace(&mut self.counts, counts(world, tables));
        let differences = self.counts.iter().zip(before).map(|(after, before)| after - before);
        let met = self.places.iter().zip(differences).filter(|(_, n)| *n > 0);
        Fate { met: met.map(|(place, n)| (place.clone(), n)).collect(), left, blurred: Vec::new() }
    }
}

/// What the evaluator says, for every combination of answers to open questions; nothing if there are too many.
fn predict(world: &World, tables: &[Table], programs: &[Program], shot: &Shot, tracked: bool) -> Vec<Fate> {
    let mut fates = Vec::new();
    let mut assumptions = Assumptions::new();
    loop {
        let fate = walk(world, tables, programs, shot, &mut assumptions, tracked);
        if !fates.contains(&fate) {
            fates.push(fate);
        }
        if !assumptions.advance() {
            return if assumptions.exhausted() { Vec::new() } else { fates };
        }
    }
}

/// What stands at a hook, in the order of the priorities.
fn stations(hook: Hook) -> &'static [&'static str] {
    match hook {
        Hook::Prerouting | Hook::Output => &["raw", TRACK, "mangle", "nat", "filter", "security"],
        _ => &["mangle", "filter", "security", "nat"],
    }
}

/// Connection tracking among the tables.
const TRACK: &str = "(conntrack)";

/// One packet through the host, as far as these tests build one.
fn walk(
    world: &World,
    tables: &[Table],
    programs: &[Program],
    shot: &Shot,
    assumptions: &mut Assumptions,
    tracked: bool,
) -> Fate {
    let mut fate = Fate::default();
    let mut cx = Context::new(world.packet(shot), world.entry(shot), world, assumptions);
    loop {
        for &name in stations(cx.hook) {
            if name == TRACK && tracked {
                world.track(&mut cx.packet);
            }
            let first = matches!(cx.packet.ct.state, Fact::Is(CtState::New));
            let Some(i) = tables.iter().position(|t| *t.name() == name) else { continue };
            if name == "nat" && (!first || nat::is_settled(&cx.packet, Manip::at(cx.hook))) {
                continue;
            }
            let ended = programs[i].run(&mut cx, &Begin::Start, &mut |tried| {
                if tried.matched {
                    let chain = tables[i].chains().nth(tried.at.chain.chain).unwrap().name().to_string();
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
        fate.left = Some(cx.packet.bytes.to_vec());
        fate.blurred = cx.packet.blurred.clone();
    }
    fate
}
