//! Three-valued evaluation by exploring both answers of every question that the evidence leaves open.

use std::borrow::Cow;

/// How many runs are made at the most; beyond that an answer is not certain.
pub const MAX_RUNS: usize = 128;
/// After so many tries of rules, in all runs together, no other run is begun.
const MAX_TRIES: usize = 2_000_000;

/// One question that the evidence does not answer, and the answer taken in this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumption {
    /// What is unknown, for people: `"limit rate 5/second"`, `"socket owner"`.
    pub what: Cow<'static, str>,
    /// Asked again with the same key in the same run, it gets the same answer. Empty: each question is its own.
    key: Box<[u8]>,
    /// The answer in this run.
    pub answer: bool,
    /// Has the other answer been taken in an earlier run?
    flipped: bool,
}

/// The open questions of a run. [`advance`](Self::advance) sets up the next combination of answers.
#[derive(Debug, Default)]
pub struct Assumptions {
    made: Vec<Assumption>,
    at: usize,
    runs: usize,
    tries: usize,
    exhausted: bool,
}

impl Assumptions {
    /// Nothing is assumed yet.
    pub fn new() -> Self {
        Self { runs: 1, ..Self::default() }
    }

    /// Answers an open question for this run; `likely` is the answer of the first run.
    ///
    /// A question with the same non-empty `key` is the same question: a fact that does not change along the way, such
    /// as who owns the socket. A question about state that each evaluation changes (a rate limit) has an empty key.
    pub fn ask(&mut self, what: impl Into<Cow<'static, str>>, key: &[u8], likely: bool) -> bool {
        if !key.is_empty()
            && let Some(known) = self.made[..self.at].iter().find(|a| &*a.key == key)
        {
            return known.answer;
        }
        if let Some(planned) = self.made.get(self.at) {
            self.at += 1;
            return planned.answer;
        }
        self.made.push(Assumption { what: what.into(), key: key.into(), answer: likely, flipped: false });
        self.at += 1;
        likely
    }

    /// Prepares the next run. False when every combination that matters has been seen, or there are too many.
    pub fn advance(&mut self) -> bool {
        while let Some(last) = self.made.last_mut() {
            if !last.flipped {
                if self.runs >= MAX_RUNS || self.tries >= MAX_TRIES {
                    self.exhausted = true;
                    return false;
                }
                last.flipped = true;
                last.answer = !last.answer;
                self.at = 0;
                self.runs += 1;
                return true;
            }
            self.made.pop();
        }
        false
    }

    /// So many rules were tried.
    pub fn tried(&mut self, rules: usize) {
        self.tries = self.tries.saturating_add(rules);
    }

    /// What was assumed in this run.
    pub fn made(&self) -> &[Assumption] {
        &self.made[..self.at]
    }

    /// Were there more combinations than were tried?
    pub fn exhausted(&self) -> bool {
        self.exhausted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_run_is_begun_after_too_many_tries() {
        let mut a = Assumptions::new();
        a.ask("x", b"", true);
        a.tried(MAX_TRIES - 1);
        assert!(a.advance() && !a.exhausted());
        a.ask("x", b"", true);
        a.ask("y", b"", true);
        a.tried(1);
        assert!(!a.advance() && a.exhausted());
    }

    #[test]
    fn every_combination_is_seen_once_the_likely_one_first() {
        let mut a = Assumptions::new();
        let mut seen = Vec::new();
        loop {
            let x = a.ask("x", b"", true);
            let y = if x { Some(a.ask("y", b"", false)) } else { None };
            seen.push((x, y));
            if !a.advance() {
                break;
            }
        }
        assert_eq!(seen, [(true, Some(false)), (true, Some(true)), (false, None)]);
        assert!(!a.exhausted());
    }

    #[test]
    fn a_keyed_question_has_one_answer_a_run() {
        let mut a = Assumptions::new();
        let mut runs = 0;
        loop {
            runs += 1;
            assert_eq!(a.ask("owner", b"uid=0", true), a.ask("owner", b"uid=0", false));
            if !a.advance() {
                break;
            }
        }
        assert_eq!(runs, 2);
    }

    #[test]
    fn too_many_questions_end_and_say_so() {
        let mut a = Assumptions::new();
        let mut runs = 0;
        loop {
            runs += 1;
            for _ in 0..40 {
                a.ask("limit", b"", true);
            }
            if !a.advance() {
                break;
            }
        }
        assert_eq!(runs, MAX_RUNS);
        assert!(a.exhausted());
    }
}
