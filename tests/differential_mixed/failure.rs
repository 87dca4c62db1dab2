//! A packet that went another way than was said: does it again, and how little is needed for it?

use std::fmt::Write as _;

use crate::lab::{Lab, Round};
use crate::packets::Shot;
use crate::record::Record;
use crate::rules::{Rules, Texts};

/// How often one thing is tried.
const TIMES: usize = 3;

/// A packet that went another way, the last one of all that were sent in its namespace.
pub struct Failure {
    pub past: Vec<Round>,
    pub record: Record,
}

/// Everything in a namespace made for it.
fn anew(make: fn() -> Lab, past: &[Round]) -> Option<Record> {
    let mut lab = make();
    let (last, before) = past.split_last()?;
    for round in before {
        let _ = lab.again(&round.rules, &round.shots);
    }
    lab.again(&last.rules, &last.shots).ok().flatten()
}

/// Rules and packets in a namespace made for them.
fn alone(make: fn() -> Lab, rules: &Texts, shots: &[Shot]) -> Option<Record> {
    make().again(rules, shots).ok().flatten()
}

fn several(mut one: impl FnMut() -> Option<Record>) -> (usize, Option<Record>) {
    let mut all: Vec<Record> = (0..TIMES).filter_map(|_| one()).collect();
    (all.len(), all.pop())
}

impl Failure {
    /// Makes it small, and tells it. `lab`: where it was.
    pub fn tell(&self, seed: u64, rules: &impl Rules, lab: &mut Lab) -> String {
        let make = lab.make;
        let (last, before) = self.past.split_last().unwrap();
        let (here, _) = several(|| lab.again(&last.rules, &last.shots).ok().flatten());
        let (fresh, record) = several(|| alone(make, &last.rules, &last.shots));
        if record.is_some() {
            let saved = self.record.save(&format!("seed-{seed}"), "");
            return format!("seed {seed}, more in {}:\n{}", saved.display(), small(make, rules, last.shots.clone()));
        }
        let (after_all, record) = several(|| anew(make, &self.past));
        let came = format!(
            "came again {here} of {TIMES} times in the same namespace, {fresh} in another, {after_all} in another after \
             the {} rulesets before it",
            before.len()
        );
        let past = if record.is_some() { fewer(make, &self.past) } else { self.past.clone() };
        let saved = self.record.save(&format!("seed-{seed}"), &tell(&past));
        let before = past.len() - 1;
        format!(
            "seed {seed}: {came}; {before} are needed; more in {}\n{}{}",
            saved.display(),
            last.rules,
            self.record.why
        )
    }
}

/// The rounds that are needed, with the packets that are.
fn fewer(make: fn() -> Lab, past: &[Round]) -> Vec<Round> {
    let mut past = past.to_vec();
    let mut many = past.len() / 2;
    while many > 0 {
        let mut at = 0;
        while at + many < past.len() {
            let mut without = past.clone();
            without.drain(at..at + many);
            if anew(make, &without).is_some() { past = without } else { at += many }
        }
        many /= 2;
    }
    for n in 0..past.len() - 1 {
        let mut without = past.clone();
        without[n].shots.clear();
        if anew(make, &without).is_some() {
            past = without;
        }
    }
    past
}

fn tell(past: &[Round]) -> String {
    let mut s = String::from("## what was done\n");
    for round in past {
        let _ = writeln!(s, "{}", round.rules);
        round.shots.iter().for_each(|shot| s += &format!("{shot:?}\n"));
    }
    s
}

/// What is left of rules and packets when all that it comes without is left out.
fn small<R: Rules>(make: fn() -> Lab, rules: &R, mut shots: Vec<Shot>) -> String {
    let again = |rules: &R, shots: &[Shot]| alone(make, &rules.texts(), shots).map(|r| r.why);
    let mut why = String::new();
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
    format!("{}{before}{why}", rules.texts())
}
