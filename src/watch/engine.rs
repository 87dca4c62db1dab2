//! The loop of `nfblame watch`: takes evidence, judges it by the ruleset it met, and hands blames out.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::blame::{Blame, Generations, Time, Verdict, beyond};
use crate::evaluate::asked::Asked;
use crate::evaluate::log_rules::LogRules;
use crate::evaluate::tracking;
use crate::evidence::{Config, Event, Evidence, Parcel, StartError};
use crate::evidence::{Journey, Ledger, Loss, LossCause, Source};
use crate::host::KernelHost;
use crate::ruleset::Ruleset;
use crate::sys::xt;

use super::counters::Fresh;
use super::drops::Drops;
use super::follower::{Follower, Update};
use super::judge::{Logged, Present, SLACK, seen_packet};
use super::known::Known;
use super::next::Work;
use super::onward::{self, Held, Onward, Ripe};
use super::report::{Options, Output, Seen, Summary};
use super::roomless::Roomless;
use super::twice::Twice;
use super::unconfirmed::Unconfirmed;
use super::unheard::Unheard;

/// How long what the host answered is taken for the present.
const FRESH: Duration = Duration::from_millis(20);

/// How long answers are known at the most, with what they took for granted, such as the names of devices.
const RENEW: Duration = Duration::from_secs(1);

/// A watch that is set up: from here on nothing is missed silently.
#[derive(Debug)]
pub struct Watch {
    pub(super) evidence: Evidence,
    pub(super) follower: Follower,
    pub(super) generations: Generations,
    pub(super) ledger: Ledger,
    pub(super) options: Options,
    pub(super) summary: Summary,
    pub(super) pending: Vec<Update>,
    pub(super) bound: Vec<u16>,
    pub(super) twice: Twice,
    pub(super) drops: Drops,
    pub(super) onward: Onward,
    pub(super) unheard: Unheard,
    pub(super) roomless: Roomless,
    pub(super) unconfirmed: Unconfirmed,
    pub(super) fresh: Fresh,
    /// When it was last asked whether the rules are still those that were read.
    pub(super) looked: Option<Instant>,
    /// Up to when no rules were there that have not been read.
    pub(super) verified: Time,
    /// When a ruleset that was waited for did not come in time.
    pub(super) gave_up: Option<Instant>,
    /// The families whose legacy tables were there, and made to trace, from the beginning.
    pub(super) legacy_traced: Vec<xt::Family>,
}

impl Watch {
    /// Sets everything up in the calling thread's network namespace.
    ///
    /// # Errors
    /// When the ruleset cannot be read, none of the evidence can be had, or the filter cannot be traced with.
    pub fn start(mut options: Options) -> Result<Self, StartError> {
        let (follower, first) = Follower::start()?;
        let groups = options.groups.clone().unwrap_or_else(|| LogRules::new(&first.rules).groups());
        // What is traced in part only is missing anyway.
        let all_traced = options.trace.is_some_and(|t| t.rate.is_none());
        let host = KernelHost::open()?;
        let tap = if all_traced { onward::places(&host) } else { Default::default() };
        let config = Config {
            tap: tap.clone(),
            groups: groups.clone(),
            selection: options.selection.clone(),
            trace: options.trace,
            drop_monitor: options.drop_monitor,
            ..Config::default()
        };
        let mut legacy_traced: Vec<xt::Family> = first.rules.xt.iter().map(xt::Table::family).collect();
        let evidence = Evidence::start(config)?;
        let tap = if evidence.trace_port().is_some() { tap } else { Default::default() };
        // The kernel may not be able to.
        options.trace = options.trace.filter(|_| evidence.trace_port().is_some());
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
            drops: Drops::default(),
            onward: Onward::begin(tap),
            unheard: Unheard::begin(),
            roomless: Roomless::begin(&host),
            unconfirmed: Unconfirmed::begin(),
            fresh: Fresh::default(),
            looked: None,
            verified: first.known,
            gave_up: None,
            legacy_traced,
        })
    }

    /// The stream of evidence: what stops it, and what it lacks.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Is there nothing to be seen, as things stand: no rule logs to a group, nothing is traced, and no drop monitor reports?
    pub fn is_blind(&self) -> bool {
        self.bound.is_empty() && self.evidence.trace_port().is_none() && !self.evidence.monitors_drops()
    }

    /// The rulesets so far.
    pub fn generations(&self) -> &Generations {
        &self.generations
    }

    /// Watches until the evidence ends or `out` has enough. What `host` answers is kept for a moment, so that a burst of
    /// packets does not ask the kernel the same again and again.
    pub fn run(mut self, host: &KernelHost, out: Out<'_>) -> Summary {
        let env = Asked::new(host);
        let (mut asked, mut begun) = (Instant::now(), Instant::now());
        self.take_updates();
        let mut carried: Option<Work> = None;
        let mut known = Known::default();
        'generation: loop {
            self.apply_updates();
            let Some(rules) = self.generations.latest().cloned() else { break };
            self.follow_groups(&rules);
            known.begin(tracking::tells_connections_apart(&rules));
            let generations = std::mem::take(&mut self.generations);
            let attributor = self.attributor(&rules, &env, &generations);
            let settled = generations.settled_since(SLACK);
            let present = Present { attributor, host, env: &env, generations: &generations, settled };
            loop {
                let Some(mut work) = carried.take().or_else(|| self.next_work(out)) else {
                    self.generations = generations;
                    break 'generation;
                };
                let now = Instant::now();
                if self.is_late() {
                    self.generations = generations;
                    self.leave_unjudged(work, out);
                    break 'generation;
                }
                if now.duration_since(asked) > FRESH {
                    host.forget();
                    known.forget_passing();
                    asked = now;
                }
                if now.duration_since(begun) > RENEW {
                    known.forget();
                    begun = now;
                }
                let done = match &mut work {
                    _ if self.take_updates() => Done::Stale,
                    Work::Rules => Done::All,
                    Work::Parcel(parcel) => self.take(parcel, &present, &mut known, now, out),
                    Work::Ripe(ripe) => self.take_ripe(ripe, &present, out),
                };
                match done {
                    Done::All => {}
                    Done::Stale => {
                        carried = Some(work);
                        self.generations = generations;
                        continue 'generation;
                    }
                    Done::Enough => {
                        self.generations = generations;
                        break 'generation;
                    }
                }
            }
        }
        self.close()
    }

    /// Judges what is in a parcel and hands it out.
    fn take(&mut self, parcel: &mut Parcel, by: &Present<'_>, known: &mut Known, now: Instant, out: Out<'_>) -> Done {
        let flow = match parcel {
            Parcel::Packets(sent, at) => {
                let Some(batch) = sent.batch() else { return Done::All };
                while let Some((p, count)) = batch.get(*at) {
                    if self.is_late() {
                        return Done::Stale; // what is left of it comes back, and is counted
                    }
                    let p = Logged { packet: &p, count: count.into(), received: batch.received() };
                    match self.logged(&p, by, known, now, out) {
                        Some(ControlFlow::Continue(())) => *at += 1,
                        Some(ControlFlow::Break(())) => return Done::Enough,
                        None => return Done::Stale,
                    }
                }
                return Done::All;
            }
            Parcel::Event(Event::Packet(p)) => match self.judge_logged(p, by) {
                Some(mut blame) => self.hand_out(&mut blame, seen_packet(p), Source::Group(p.group), out),
                None => return Done::Stale,
            },
            Parcel::Event(Event::Journey(j)) => match self.judge_journey(j, by) {
                Some(blame) => {
                    let prefix = self.twice.take_prefix();
                    self.journey(j, blame, prefix, None, by, out)
                }
                None => return Done::Stale,
            },
            // Only asked for together with tracing, where it waits for the other half.
            Parcel::Event(Event::Tapped(_)) => ControlFlow::Continue(()),
            Parcel::Event(Event::Dropped(d)) => match self.judge_dropped(d, by) {
                Some(mut blame) => {
                    let inbound = d.iif.map(|_| true);
                    let seen = Seen { time: d.when(), bytes: &d.payload, inbound, count: 1, answer: None };
                    self.hand_out(&mut blame, seen, Source::DropMonitor, out)
                }
                None => return Done::Stale,
            },
            Parcel::Event(Event::Lost(loss)) => {
                self.ledger.lost(loss);
                out(Output::Lost(*loss))
            }
            Parcel::Event(Event::Failed(source, error)) => out(Output::Note(format!("{source}: {error}"))),
        };
        if flow.is_break() { Done::Enough } else { Done::All }
    }

    /// Judges what has waited.
    fn take_ripe(&mut self, ripe: &Ripe, by: &Present<'_>, out: Out<'_>) -> Done {
        let flow = match ripe {
            Ripe::Held(held) => match self.judge_journey(&held.journey, by) {
                Some(blame) => {
                    let end = self.evidence.stopped_since().map(|_| self.ended());
                    self.held(held, blame, end, by, out)
                }
                None => return Done::Stale,
            },
            Ripe::Unmet(t) => match by.attributor.unmet(t, self.onward.dropped_at(t.index)) {
                Some(mut blame) => {
                    let seen =
                        Seen { time: t.received, bytes: &t.payload, inbound: Some(true), count: 1, answer: None };
                    self.hand_out(&mut blame, seen, Source::Tap, out)
                }
                None => ControlFlow::Continue(()),
            },
        };
        if flow.is_break() { Done::Enough } else { Done::All }
    }

    /// A journey that was judged is told of, or waits for what becomes of it behind the last hook.
    fn journey(
        &mut self,
        j: &Journey,
        mut blame: Blame,
        prefix: Option<(String, u16)>,
        again: Option<&Held>,
        by: &Present<'_>,
        out: Out<'_>,
    ) -> ControlFlow<()> {
        let going_on = self.evidence.stopped_since().is_none();
        let prefix = match going_on.then(|| self.onward.hold(j, &blame, prefix.clone(), again)) {
            Some(Ok(())) => return ControlFlow::Continue(()),
            _ => prefix,
        };
        self.unheard.weigh(&mut blame);
        self.roomless.weigh(&mut blame, by.host);
        self.unconfirmed.weigh(j, &mut blame, by.host);
        let bytes = j.first_view().map(|v| v.bytes()).unwrap_or_default();
        let inbound = j.first_view().map(|v| v.iif.is_some());
        let seen = Seen { time: j.began, bytes: &bytes, inbound, count: 1, answer: None };
        if let Some((prefix, group)) = prefix {
            blame.packet.prefix = Some(prefix);
            blame.packet.group = Some(group);
        }
        self.hand_out(&mut blame, seen, Source::Trace, out)
    }

    /// A journey that has waited is judged again.
    fn held(
        &mut self,
        held: &Held,
        mut blame: Blame,
        end: Option<Time>,
        by: &Present<'_>,
        out: Out<'_>,
    ) -> ControlFlow<()> {
        if held.gave_up() && onward::waits_for_neighbour(&blame) {
            beyond::unanswered(&mut blame);
        }
        if let Some(index) = held.device()
            && blame.verdict == Verdict::Accept
            && !onward::waits_for_neighbour(&blame)
            && !self.onward.may_have_left(held, end)
        {
            beyond::vanished(&mut blame, by.host, index, self.onward.dropped_at(index));
        }
        self.journey(&held.journey, blame, held.prefix.clone(), Some(held), by, out)
    }

    /// Takes the rulesets that have been read. Are there any that have not been applied?
    pub(super) fn take_updates(&mut self) -> bool {
        self.pending.extend(self.follower.updates());
        !self.pending.is_empty()
    }

    pub(super) fn apply_updates(&mut self) {
        for update in self.pending.drain(..) {
            for a in update.changes {
                self.summary.ruleset_changes += u64::from(a.matters);
                self.generations.changed(a.change, a.since, a.added, a.matters);
            }
            self.verified = self.verified.max(update.known);
            if update.lost {
                self.ledger.lost(&Loss { source: Source::Ruleset, count: None, cause: LossCause::NoBuffers });
            }
            self.generations.push(update.rules, update.known, update.read);
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
}

/// Who takes what comes out.
pub(super) type Out<'o> = &'o mut dyn FnMut(Output<'_>) -> ControlFlow<()>;

/// How far the contents of a parcel were judged.
enum Done {
    /// To the end.
    All,
    /// There is a newer ruleset, which comes first.
    Stale,
    /// Nobody wants more.
    Enough,
}
