//! From walks to an answer: the runs of an evaluation, boiled down to one culprit and how sure it is.

use std::collections::BTreeSet;

use crate::evaluate::walk::{self, Fate, Run, Step as WalkStep, Walked};
use crate::evaluate::{Decision, Effect, Place};

use super::culprit::{Culprit, CulpritKind};
use super::describe::{self, Describer};
use super::{Confidence, Step, Verdict, Why};

/// What walks say about a packet.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What became of it.
    pub verdict: Verdict,
    /// What the sender was told.
    pub reject_with: Option<std::borrow::Cow<'static, str>>,
    /// Who decided.
    pub culprit: Culprit,
    /// Other culprits that are possible.
    pub alternatives: Vec<Culprit>,
    /// How sure that is.
    pub confidence: Confidence,
    /// What was unknown and mattered.
    pub unknowns: Vec<String>,
    /// The way there.
    pub path: Vec<Step>,
    /// Why.
    pub why: Vec<Why>,
    /// What conntrack made of the packet, in the most plausible run.
    pub ct_state: Option<&'static str>,
}

/// Boils walks down: several, if it is not known where or in which ruleset the packet was.
pub fn of(walks: &[(Describer<'_>, Walked)]) -> Answer {
    let runs = || walks.iter().flat_map(|(d, w)| w.runs.iter().map(move |r| (d, r)));
    let Some((first_by, first)) = runs().next() else { return unknown("no way through the ruleset was found") };
    let mut answer = of_run(first_by, first);
    for (by, run) in runs().skip(1) {
        let (verdict, culprit) = verdict_of(by, run);
        let same = verdict == answer.verdict && same_culprit(&culprit, &answer.culprit);
        if !same && !answer.alternatives.iter().any(|a| same_culprit(a, &culprit)) {
            answer.alternatives.push(culprit);
        }
    }
    let incomplete = walks.iter().any(|(_, w)| w.incomplete);
    if answer.alternatives.is_empty() && !incomplete {
        // Whatever was unknown on the way, it does not change the answer.
        if answer.verdict != Verdict::Unknown {
            answer.confidence = Confidence::Certain;
        }
        return answer;
    }
    answer.confidence =
        if answer.verdict == Verdict::Unknown || incomplete { Confidence::Unknown } else { Confidence::Likely };
    answer.unknowns.extend(open_questions(runs()));
    if incomplete {
        answer.unknowns.push("more combinations than were tried".into());
    }
    answer
}

/// The open questions whose answers make a difference; all of them, if it takes several together.
fn open_questions<'a, 'r: 'a>(runs: impl Iterator<Item = (&'a Describer<'r>, &'a Run)>) -> Vec<String> {
    let mut outcomes: Vec<(Verdict, Culprit)> = Vec::new();
    let mut asked: Vec<(&str, [BTreeSet<usize>; 2])> = Vec::new();
    for (by, run) in runs {
        let (verdict, culprit) = verdict_of(by, run);
        let known = outcomes.iter().position(|(v, c)| *v == verdict && same_culprit(c, &culprit));
        let outcome = known.unwrap_or_else(|| {
            outcomes.push((verdict, culprit));
            outcomes.len() - 1
        });
        for a in &run.assumed {
            let at = asked.iter().position(|(what, _)| *what == a.what).unwrap_or_else(|| {
                asked.push((&a.what, Default::default()));
                asked.len() - 1
            });
            if let Some((_, [no, yes])) = asked.get_mut(at) {
                if a.answer {
                    yes.insert(outcome)
                } else {
                    no.insert(outcome)
                };
            }
        }
    }
    let decisive: Vec<String> =
        asked.iter().filter(|(_, [no, yes])| no != yes).map(|(what, _)| (*what).to_owned()).collect();
    if decisive.is_empty() { asked.iter().map(|(what, _)| (*what).to_owned()).collect() } else { decisive }
}

/// An answer that is none.
pub fn unknown(why: impl Into<String>) -> Answer {
    let why = why.into();
    Answer {
        verdict: Verdict::Unknown,
        reject_with: None,
        culprit: Culprit::new(CulpritKind::Unknown),
        alternatives: Vec::new(),
        confidence: Confidence::Unknown,
        unknowns: vec![why.clone()],
        path: Vec::new(),
        why: vec![Why::plain(why)],
        ct_state: None,
    }
}

fn same_culprit(a: &Culprit, b: &Culprit) -> bool {
    a.kind == b.kind
        && a.backend == b.backend
        && a.family == b.family
        && a.table_name == b.table_name
        && a.chain_name == b.chain_name
        && a.rule_handle == b.rule_handle
        && (a.rule_handle.is_some() || a.rule_position == b.rule_position)
        && a.text == b.text
        && a.sysctl == b.sysctl
        && a.detail == b.detail
}

fn of_run(by: &Describer<'_>, run: &Run) -> Answer {
    let (verdict, culprit) = verdict_of(by, run);
    let mut answer = Answer {
        verdict,
        reject_with: walk::told(&run.fate).map(|w| w.name()),
        culprit,
        alternatives: Vec::new(),
        confidence: if verdict == Verdict::Unknown { Confidence::Unknown } else { Confidence::Certain },
        unknowns: Vec::new(),
        path: path(by, run),
        why: Vec::new(),
        ct_state: run.packet.ct.state.value().map(|s| s.name()),
    };
    explain(by, run, &mut answer);
    answer
}

fn verdict_of(by: &Describer<'_>, run: &Run) -> (Verdict, Culprit) {
    match &run.fate {
        Fate::Decided { decision: Decision::Queue { queue, .. }, at } => {
            let rule = by.culprit(*at);
            let kind = if run.assumed.iter().any(|a| a.what.contains("reader")) {
                CulpritKind::Rule
            } else {
                CulpritKind::Queue
            };
            (Verdict::Queue, Culprit { kind, detail: Some(format!("queue {queue}")), ..rule })
        }
        Fate::Decided { decision, at } => (describe::outcome(decision), by.culprit(*at)),
        Fate::Lost(o) => (if o.told.is_some() { Verdict::Reject } else { Verdict::Drop }, o.culprit()),
        Fate::Delivered(_) | Fate::Left | Fate::Passed => (Verdict::Accept, Culprit::new(CulpritKind::None)),
        Fate::Unknown(_) => (Verdict::Unknown, Culprit::new(CulpritKind::Unknown)),
    }
}

fn path(by: &Describer<'_>, run: &Run) -> Vec<Step> {
    run.steps
        .iter()
        .filter_map(|s| match s {
            WalkStep::Rule { hook, tried } if tried.matched => {
                let action = describe::action(&tried.decision, &tried.effects, tried.at.position.is_none());
                Some(by.step(*hook, tried.at, action))
            }
            WalkStep::Kernel { hook, what } => Some(Step {
                hook: hook.name(),
                backend: None,
                family: None,
                table_name: None,
                chain_name: None,
                rule_position: None,
                rule_handle: None,
                action: what.clone(),
                text: None,
            }),
            _ => None,
        })
        .collect()
}

fn explain(by: &Describer<'_>, run: &Run, answer: &mut Answer) {
    let why = &mut answer.why;
    match &run.fate {
        Fate::Decided { at: at @ Place { position: None, .. }, .. } => {
            why.push(Why::plain(format!("no rule of {} decided about it, so its policy did", by.chain_name(at.chain))));
        }
        Fate::Decided { decision: Decision::Reject(with), .. } => {
            why.push(Why::plain(format!("the rule matches, and tells the sender {}", with.name())));
        }
        Fate::Decided { decision: Decision::Queue { queue, .. }, .. } => {
            why.push(Why::plain(format!("the rule hands it to queue {queue}")));
            if answer.culprit.kind == CulpritKind::Queue {
                why.push(Why::plain("nobody reads that queue, so the kernel drops the packet"));
            }
        }
        Fate::Decided { decision: Decision::Stolen(what), .. } => {
            why.push(Why::plain(format!("the rule matches: {what}")));
            why.extend(answered(what).map(Why::plain));
        }
        Fate::Decided { decision: Decision::Unknown(what), .. } => {
            why.push(Why::plain(format!("the rule does something this version does not know: {what}")));
        }
        Fate::Decided { .. } => {
            let last = run.steps.iter().rev().find_map(|s| match s {
                WalkStep::Rule { tried, .. } if tried.matched => Some(&tried.effects),
                _ => None,
            });
            let state = last.into_iter().flatten().find_map(|e| match e {
                Effect::State(what) => Some(format!("the rule matches: {what}")),
                _ => None,
            });
            why.push(Why::plain(state.unwrap_or_else(|| "the rule matches".into())));
        }
        Fate::Lost(o) => {
            for e in &o.evidence {
                why.push(Why::plain(e.clone()));
            }
            if let Some(with) = &o.told {
                why.push(Why::plain(format!("the sender is told {}", with.name())));
            }
        }
        Fate::Delivered(who) => why.push(Why::plain(format!("it reached {who}"))),
        Fate::Left => why.push(Why::plain("it left this host")),
        Fate::Passed => why.push(Why::plain("nothing that was looked at stopped it")),
        Fate::Unknown(what) => {
            let text = format!("not known from here on: {what}");
            why.push(Why::plain(text.clone()));
            answer.unknowns.push(text);
        }
    }
}

/// What it means that a rule keeps a packet. Where it answers for the server, nothing is lost.
pub(super) fn answered(what: &str) -> Option<&'static str> {
    what.eq_ignore_ascii_case("synproxy").then_some(
        "SYNPROXY answers in the server's place, and opens the connection to the server itself once the client has \
         acknowledged: this is no loss",
    )
}
