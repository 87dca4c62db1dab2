//! What was said of a packet, held against what became of it.

use nfblame::blame::{Blame, Confidence, Verdict};
use nfblame::evaluate::walk::{Fate, Run};
use nfblame::evaluate::{Decision, Environment, Network};
use nfblame::explain::{Explainer, Question, Side};
use nfblame::ruleset::Ruleset;

use crate::packets::Shot;
use crate::world::Seen;

/// What came of one packet.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// What was said, and nothing else was.
    Same,
    /// One of several ends that were said.
    Possible,
    /// Nothing was said about the end.
    Open,
    /// Something else.
    Differs(String),
}

impl Outcome {
    pub const DIFFERS: &str = "differ";

    pub fn word(&self) -> &'static str {
        match self {
            Self::Same => "the same",
            Self::Possible => "among the possible",
            Self::Open => "not said",
            Self::Differs(_) => Self::DIFFERS,
        }
    }
}

/// An answer, before the packet is sent.
pub struct Answer {
    blame: Option<Blame>,
    runs: Vec<Run>,
    invalid: Option<String>,
}

pub fn ask(rules: &Ruleset, host: &dyn Environment, shot: &Shot) -> Answer {
    let mut q = Question::new(if shot.v6 { Network::Ip6 } else { Network::Ip4 }, shot.bytes.clone());
    q.length = Some(shot.bytes.len());
    match &shot.from {
        Some((device, link)) => {
            q.side = Side::In((*device).into());
            q.link = Some(link.clone());
        }
        None => {
            q.side = Side::Out;
            (q.uid, q.gid) = (Some(0), Some(0));
        }
    }
    match Explainer::new(rules, host).brief().explain(&q) {
        Ok(e) => Answer { blame: Some(e.blame), runs: e.walked.runs, invalid: None },
        Err(e) => Answer { blame: None, runs: Vec::new(), invalid: Some(e.to_string()) },
    }
}

impl Answer {
    pub fn judge(&self, shot: &Shot, seen: &Seen) -> Outcome {
        let Some(blame) = &self.blame else { return Outcome::Open };
        if seen.refused.as_ref().is_some_and(|w| w.contains("Cannot assign")) {
            return Outcome::Open; // the socket has no such address: nothing was sent
        }
        let fits: Vec<Option<bool>> = self.runs.iter().map(|run| fits(run, shot, seen)).collect();
        let certain = blame.confidence == Confidence::Certain;
        let arrived = !seen.left.is_empty() || !seen.taken.is_empty();
        let contradiction = match blame.verdict {
            Verdict::Drop | Verdict::Reject if certain && arrived => Some("certainly lost, and it arrived"),
            Verdict::Drop if certain && seen.told.is_some() && !self.runs.iter().any(tells) => {
                Some("certainly lost in silence, and somebody was told")
            }
            _ => None,
        };
        if let Some(what) = contradiction {
            return Outcome::Differs(self.tell(seen, what));
        }
        if fits.contains(&Some(true)) {
            return if certain { Outcome::Same } else { Outcome::Possible };
        }
        if fits.contains(&None) {
            return Outcome::Open;
        }
        Outcome::Differs(self.tell(seen, if certain { "certain, and wrong" } else { "no end that was said" }))
    }

    /// For people: the culprit in short.
    pub fn label(&self) -> String {
        let Some(b) = &self.blame else { return "not to be asked".into() };
        let c = &b.culprit;
        if b.verdict == Verdict::Unknown {
            return format!("unknown: {}", b.unknowns.join(", "));
        }
        format!(
            "{} {:?} {} {}{}",
            b.verdict.name(),
            c.kind,
            c.detail.as_deref().unwrap_or(""),
            c.sysctl.as_ref().map_or(String::new(), |s| {
                let mut words: Vec<&str> = s.key.split('.').collect();
                if words.len() > 4 {
                    words[3] = "*";
                }
                words.join(".")
            }),
            b.reject_with.as_deref().map_or(String::new(), |w| format!(" telling {w}"))
        )
    }

    fn tell(&self, seen: &Seen, what: &str) -> String {
        let mut s = format!(
            "{what}\n  seen: left {:?}, taken {:?}, told {:?}, answered {:?}, refused {:?}, counted {:?}\n",
            seen.left, seen.taken, seen.told, seen.answered, seen.refused, seen.counted
        );
        if let Some(b) = &self.blame {
            s += &format!("  said: {} {}, {:?}\n", self.label(), b.confidence.name(), b.unknowns);
            for w in &b.why {
                s += &format!("    {}\n", w.message);
            }
        }
        if let Some(i) = &self.invalid {
            s += &format!("  invalid: {i}\n");
        }
        for run in &self.runs {
            s += &format!("  run: {:?} by {:?}\n", run.fate, run.packet.oif);
        }
        for f in &seen.frames {
            s += &format!("  frame {f}\n");
        }
        s
    }
}

fn tells(run: &Run) -> bool {
    matches!(&run.fate, Fate::Lost(o) if o.told.is_some())
}

/// Does what was seen fit the end of a run? None: it says nothing about the end.
fn fits(run: &Run, shot: &Shot, seen: &Seen) -> Option<bool> {
    let arrived = !seen.left.is_empty() || !seen.taken.is_empty();
    Some(match &run.fate {
        Fate::Unknown(_) | Fate::Passed => return None,
        Fate::Decided { decision: Decision::Unknown(_), .. } => return None,
        Fate::Left => {
            let by = run.packet.oif.value().and_then(|d| d.name.value().map(ToString::to_string));
            let there = !seen.left.is_empty() && seen.left.iter().all(|d| by.as_deref() == Some(*d));
            // What the host sends to many it takes itself, too.
            there && (seen.taken.is_empty() || shot.from.is_none())
        }
        // The answer of a listener may find no way out.
        Fate::Delivered(who) if who.starts_with("socket") => {
            seen.left.is_empty() && (!seen.taken.is_empty() || is_tcp(run) && seen.told.is_none())
        }
        Fate::Delivered(_) => !arrived && seen.told.is_none(),
        Fate::Decided { .. } => !arrived,
        Fate::Lost(o) => {
            // What a sender is to be told may find no way to it.
            let told = o.told.as_ref().map(|t| t.name().into_owned());
            !arrived && seen.answered.is_none() && (seen.told.is_none() || seen.told == told)
        }
    })
}

fn is_tcp(run: &Run) -> bool {
    run.packet.headers().protocol == Some(6)
}
