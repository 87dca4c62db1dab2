//! The loop of `nfblame watch`: takes evidence, judges it by the ruleset it met, and hands blames out.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::blame::{Attributor, Blame, Confidence, Generations, Time, Verdict, attributor};
use crate::evaluate::Environment;
use crate::evaluate::log_rules::LogRules;
use crate::evidence::{Config, Event, Evidence, StartError, TraceConfig};
use crate::evidence::{Journey, Ledger, LoggedPacket, Loss, Source};
use crate::host::KernelHost;
use crate::ruleset::Ruleset;

use crate::sys::xt;

use super::counters::Fresh;
use super::follower::{Follower, Update};
use super::twice::Twice;

/// How late a packet may be told of: delivery of logged packets is delayed by the kernel's flush timer.
const SLACK: Duration = Duration::from_millis(60);
/// How long to wait for a ruleset that was announced and is needed.
const CATCH_UP: Duration = Duration::from_secs(1);

/// How long what the host answered is taken for the present.
const FRESH: Duration = Duration::from_millis(20);

/// How often waiting packets are looked after.
const TICK: Duration = Duration::from_millis(10);

/// What to watch.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// NFLOG groups; `None`: every group that the rules name, also later ones.
    pub groups: Option<Vec<u16>>,
    /// Which packets are of interest.
    pub selection: crate::evidence::Selection,
    /// Trace the packets of interest.
    pub trace: Option<TraceConfig>,
    /// Hand out packets that got through, too.
    pub all: bool,
}

/// What comes out.
#[derive(Debug)]
pub enum Output<'a> {
    /// A packet, and who is to blame.
    Blame(&'a Blame, Seen<'a>),
    /// Evidence is missing from here on.
    Lost(Loss),
    /// Something that people should know.
    Note(String),
}

/// A packet as it was seen.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// When.
    pub time: Time,
    /// Its bytes from the network header on, as far as they are known.
    pub bytes: &'a [u8],
    /// Did it come in, rather than being made here?
    pub inbound: Option<bool>,
}

/// The account at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// [`crate::blame::SCHEMA`].
    pub schema: u32,
    /// Always `"summary"`.
    pub event: &'static str,
    /// Packets seen.
    pub seen: u64,
    /// Of these, lost to whoever waits for them.
    pub drops: u64,
    /// Of the drops, those with a culprit.
    pub attributed: u64,
    /// Of these, with certainty.
    pub certain: u64,
    /// Packets that got through.
    pub accepted: u64,
    /// Packets of which it is not known what became of them.
    pub unknown: u64,
    /// Records of evidence that are known to be missing.
    pub lost: u64,
    /// Is `lost` only a lower bound?
    pub lost_at_least: bool,
    /// The losses by source and cause.
    pub losses: BTreeMap<String, u64>,
    /// Changes of the ruleset that were seen.
    pub ruleset_changes: u64,
}

/// A watch that is set up: from here on nothing is missed silently.
#[derive(Debug)]
pub struct Watch {
    evidence: Evidence,
    follower: Follower,
    generations: Generations,
    ledger: Ledger,
    options: Options,
    summary: Summary,
    pending: Vec<Update>,
    bound: Vec<u16>,
    twice: Twice,
    fresh: Fresh,
    /// The families whose legacy tables were there, and made to trace, from the beginning.
    legacy_traced: Vec<xt::Family>,
}

impl Watch {
    /// Sets everything up in the calling thread's network namespace.
    ///
    /// # Errors
    /// When the ruleset cannot be read, none of the evidence can be had, or the filter cannot be traced with.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let (follower, first) = Follower::start()?;
        let groups = options.groups.clone().unwrap_or_else(|| LogRules::new(&first.rules).groups());
        let config = Config {
            groups: groups.clone(),
            selection: options.selection.clone(),
            trace: options.trace,
            ..Config::default()
        };
        let mut legacy_traced: Vec<xt::Family> = first.rules.xt.iter().map(xt::Table::family).collect();
        let evidence = Evidence::start(config)?;
        if !evidence.traces_legacy() {
            legacy_traced.clear();
        }
        let generations = Generations::new(first.rules, first.read);
        let summary = Summary { schema: crate::blame::SCHEMA, event: "summary", ..Summary::default() };
        Ok(Self {
            evidence,
            follower,
            generations,
            ledger: Ledger::default(),
            options,
            summary,
            pending: Vec::new(),
            bound: groups,
            twice: Twice::default(),
            fresh: Fresh::default(),
            legacy_traced,
        })
    }

    /// The stream of evidence: what stops it, and what it lacks.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The rulesets so far.
    pub fn generations(&self) -> &Generations {
        &self.generations
    }

    /// Watches until the evidence ends or `out` has enough. What `host` answers is kept for [`FRESH`], so that a burst of
    /// packets does not ask the kernel the same again and again.
    pub fn run(mut self, host: &KernelHost, out: &mut dyn FnMut(Output<'_>) -> ControlFlow<()>) -> Summary {
        let env: &dyn Environment = host;
        let mut asked = Instant::now();
        self.take_updates();
        let mut carried: Option<Event> = None;
        'generation: loop {
            self.apply_updates();
            let Some(rules) = self.generations.latest().cloned() else { break };
            self.follow_groups(&rules);
            let generations = std::mem::take(&mut self.generations);
            let attributor = self.attributor(&rules, env, &generations);
            loop {
                let event = match carried.take() {
                    Some(e) => Some(e),
                    None => self.next_event(),
                };
                let Some(event) = event else {
                    self.generations = generations;
                    break 'generation;
                };
                if asked.elapsed() > FRESH {
                    host.forget();
                    asked = Instant::now();
                }
                self.pending.extend(self.follower.updates());
                if !self.pending.is_empty() {
                    carried = Some(event);
                    self.generations = generations;
                    continue 'generation;
                }
                let flow = match &event {
                    Event::Packet(p) => {
                        let blame = self.judge_logged(p, &attributor, env, &generations);
                        match blame {
                            Some(blame) => self.hand_out(blame, seen_packet(p), Source::Group(p.group), out),
                            None => {
                                carried = Some(event);
                                self.generations = generations;
                                continue 'generation;
                            }
                        }
                    }
                    Event::Journey(j) => match self.judge_journey(j, &attributor, env, &generations) {
                        Some(blame) => {
                            let bytes = j.first_view().map(|v| v.bytes()).unwrap_or_default();
                            let inbound = j.first_view().map(|v| v.iif.is_some());
                            let seen = Seen { time: j.began, bytes: &bytes, inbound };
                            let mut blame = blame;
                            if let Some((prefix, group)) = self.twice.take_prefix() {
                                blame.packet.prefix = Some(prefix);
                                blame.packet.group = Some(group);
                            }
                            self.hand_out(blame, seen, Source::Trace, out)
                        }
                        None => {
                            carried = Some(event);
                            self.generations = generations;
                            continue 'generation;
                        }
                    },
                    Event::Lost(loss) => {
                        self.ledger.lost(loss);
                        out(Output::Lost(*loss))
                    }
                    Event::Failed(source, error) => out(Output::Note(format!("{source}: {error}"))),
                };
                if flow.is_break() {
                    self.generations = generations;
                    break 'generation;
                }
            }
        }
        self.close()
    }

    /// The next event to judge. A packet that is traced too waits for its journey, which tells more.
    fn next_event(&mut self) -> Option<Event> {
        // With a rate, which packets are traced cannot be told.
        let all_traced = self.options.trace.is_some_and(|t| t.rate.is_none());
        loop {
            if let Some(e) = self.twice.overdue(false) {
                return Some(e);
            }
            let event = if self.twice.is_empty() {
                self.evidence.next()
            } else {
                match self.evidence.next_within(TICK) {
                    Ok(e) => Some(e),
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => None,
                }
            };
            match event {
                Some(e) if all_traced => {
                    if let Some(e) = self.twice.keep(e) {
                        return Some(e);
                    }
                }
                Some(e) => return Some(e),
                None => return self.twice.overdue(true),
            }
        }
    }

    fn attributor<'a>(&self, rules: &'a Ruleset, env: &'a dyn Environment, history: &'a Generations) -> Attributor<'a> {
        Attributor::new(rules, env, Some(history)).with_legacy_trace(&self.legacy_traced)
    }

    /// The blame of a logged packet; none if a newer ruleset has come that must be taken first.
    fn judge_logged(
        &mut self,
        p: &LoggedPacket,
        present: &Attributor<'_>,
        env: &dyn Environment,
        generations: &Generations,
    ) -> Option<Blame> {
        let met = generations.met(p.when(), SLACK);
        let mut blame = self.judge(&met.rules, present, env, generations, |a| a.logged(p));
        if blame.verdict == Verdict::Unknown && self.catch_up() {
            return None;
        }
        if let Some(missed) = met.missed {
            attributor::doubt(&mut blame, missed);
        }
        Some(blame)
    }

    fn judge_journey(
        &mut self,
        j: &Journey,
        present: &Attributor<'_>,
        env: &dyn Environment,
        generations: &Generations,
    ) -> Option<Blame> {
        let met = generations.met(j.began, SLACK);
        let mut blame = self.judge(&met.rules, present, env, generations, |a| a.journey(j));
        if blame.verdict == Verdict::Unknown && self.catch_up() {
            return None;
        }
        // What the kernel named by its handle is found in one ruleset or not at all: no doubt about which.
        if let Some(missed) = met.missed.filter(|_| blame.culprit.rule_handle.is_none()) {
            attributor::doubt(&mut blame, missed);
        }
        Some(blame)
    }

    /// Judges by each ruleset that a packet may have met; if they disagree, the answer says so.
    fn judge(
        &self,
        met: &[Arc<Ruleset>],
        present: &Attributor<'_>,
        env: &dyn Environment,
        generations: &Generations,
        judge: impl Fn(&Attributor<'_>) -> Blame,
    ) -> Blame {
        let mut answers = met.iter().map(|rules| {
            if std::ptr::eq(present.rules(), &raw const **rules) {
                judge(present)
            } else {
                judge(&self.attributor(rules, env, generations))
            }
        });
        let Some(mut best) = answers.next() else { return judge(present) };
        for other in answers {
            if best.verdict == Verdict::Unknown && other.verdict != Verdict::Unknown {
                best = other;
            } else if other.verdict != Verdict::Unknown && other.culprit != best.culprit && !alike(&other, &best) {
                attributor::doubt(&mut best, "the ruleset changed as the packet passed");
                best.alternatives.push(other.culprit);
            }
        }
        best
    }

    /// Waits for a ruleset that was announced, if there is one: true if it came.
    fn catch_up(&mut self) -> bool {
        let Some(newest) = crate::ruleset::current_generation() else { return false };
        match self.follower.catch_up(newest, CATCH_UP) {
            Some(update) => {
                self.pending.push(update);
                true
            }
            None => false,
        }
    }

    fn hand_out(
        &mut self,
        mut blame: Blame,
        seen: Seen<'_>,
        source: Source,
        out: &mut dyn FnMut(Output<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.ledger.saw(source);
        self.summary.seen += 1;
        match blame.verdict {
            Verdict::Accept => self.summary.accepted += 1,
            Verdict::Unknown => self.summary.unknown += 1,
            _ => {
                self.summary.drops += 1;
                if blame.culprit.kind != crate::blame::CulpritKind::Unknown {
                    self.summary.attributed += 1;
                    self.summary.certain += u64::from(blame.confidence == Confidence::Certain);
                }
            }
        }
        if blame.verdict == Verdict::Accept && !self.options.all {
            return ControlFlow::Continue(());
        }
        self.fresh.update(&mut blame);
        out(Output::Blame(&blame, seen))
    }

    fn take_updates(&mut self) {
        self.pending.extend(self.follower.updates());
    }

    fn apply_updates(&mut self) {
        for update in self.pending.drain(..) {
            for a in update.changes {
                self.summary.ruleset_changes += u64::from(a.matters);
                self.generations.changed(a.change, a.added, a.matters);
            }
            if update.lost {
                self.ledger.lost(&Loss {
                    source: Source::Ruleset,
                    count: None,
                    cause: crate::evidence::LossCause::NoBuffers,
                });
            }
            self.generations.push(update.rules, update.read);
        }
    }

    /// Binds the groups that rules name now and did not before.
    fn follow_groups(&mut self, rules: &Ruleset) {
        if self.options.groups.is_some() {
            return;
        }
        for group in LogRules::new(rules).groups() {
            if !self.bound.contains(&group) {
                self.bound.push(group);
                self.evidence.follow(group);
            }
        }
    }

    fn close(mut self) -> Summary {
        let total = self.ledger.total();
        self.summary.lost = total.lost;
        self.summary.lost_at_least = total.or_more;
        for (source, cause, n) in self.ledger.causes() {
            self.summary.losses.insert(format!("{source}: {cause}"), n);
        }
        self.summary
    }
}

fn seen_packet(p: &LoggedPacket) -> Seen<'_> {
    Seen { time: p.when(), bytes: &p.payload, inbound: Some(p.iif.is_some()) }
}

/// The same culprit in two generations, whose numbers and counters differ.
fn alike(a: &Blame, b: &Blame) -> bool {
    let (x, y) = (&a.culprit, &b.culprit);
    a.verdict == b.verdict
        && x.kind == y.kind
        && x.family == y.family
        && x.table_name == y.table_name
        && x.chain_name == y.chain_name
        && x.rule_handle == y.rule_handle
        && x.text == y.text
        && x.sysctl == y.sysctl
        && x.detail == y.detail
}
