//! The loop of `nfblame watch`: takes evidence, judges it by the ruleset it met, and hands blames out.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::blame::{Attributor, Blame, Confidence, CulpritKind, Generations, Time, Verdict, attributor, beyond};
use crate::evaluate::asked::Asked;
use crate::evaluate::log_rules::LogRules;
use crate::evaluate::{Environment, tracking};
use crate::evidence::{Config, Event, Evidence, Parcel, StartError, TraceConfig, likeness, packet};
use crate::evidence::{Dropped, Journey, Ledger, LoggedPacket, Loss, LossCause, Source};
use crate::host::KernelHost;
use crate::ruleset::Ruleset;

use crate::sys::{nflog, xt};

use super::counters::Fresh;
use super::drops::Drops;
use super::follower::{Follower, Update};
use super::known::Known;
use super::onward::{self, Held, Onward, Ripe};
use super::twice::Twice;
use super::unheard::Unheard;

/// How late a packet may be told of: delivery of logged packets is delayed by the kernel's flush timer.
const SLACK: Duration = Duration::from_millis(60);
/// How long to wait for a ruleset that was announced and is needed.
const CATCH_UP: Duration = Duration::from_secs(1);

/// How long what the host answered is taken for the present.
const FRESH: Duration = Duration::from_millis(20);

/// How long answers are known at the most, with what they took for granted, such as the names of devices.
const RENEW: Duration = Duration::from_secs(1);

/// How old the counters of a culprit may be.
const COUNTERS: Duration = Duration::from_millis(100);

/// What makes an answer doubtful that is given for several packets.
const ALIKE: &str = "what the packets that were counted together do not have in common";

/// How long what waits is still judged after the word to stop; what is left then is counted.
const GRACE: Duration = Duration::from_secs(2);

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
    /// Have the kernel's drop monitor report, where there is one.
    pub drop_monitor: bool,
    /// Hand out packets that got through, and drops that are normal life, too.
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
    /// Nothing more is there for the moment: what is in buffers may be written.
    Idle,
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
    /// How many packets it stands for: more than one where they came faster than they could be told of one by one.
    pub count: u64,
    /// Blames with the same number say the same, but for the packet's own addresses, ports, flags and length.
    pub answer: Option<u64>,
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
    /// Drops that are normal life, which are counted here only.
    pub noise: u64,
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
    drops: Drops,
    onward: Onward,
    unheard: Unheard,
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
        // What is traced in part only is missing anyway.
        let all_traced = options.trace.is_some_and(|t| t.rate.is_none());
        let tap = if all_traced { onward::places(&KernelHost::open()?) } else { Default::default() };
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
                self.pending.extend(self.follower.updates());
                let done = match &mut work {
                    _ if !self.pending.is_empty() => Done::Stale,
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
                    self.journey(j, blame, prefix, None, out)
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
        out: Out<'_>,
    ) -> ControlFlow<()> {
        let going_on = self.evidence.stopped_since().is_none();
        let prefix = match going_on.then(|| self.onward.hold(j, &blame, prefix.clone(), again)) {
            Some(Ok(())) => return ControlFlow::Continue(()),
            _ => prefix,
        };
        self.unheard.weigh(&mut blame);
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
        self.journey(&held.journey, blame, held.prefix.clone(), Some(held), out)
    }

    /// A logged packet, whose answer may be known. None if a newer ruleset has come that must be taken first.
    fn logged(
        &mut self,
        p: &Logged<'_>,
        by: &Present<'_>,
        known: &mut Known,
        now: Instant,
        out: Out<'_>,
    ) -> Option<ControlFlow<()>> {
        let source = Source::Group(p.packet.group);
        if by.settled.is_none_or(|since| p.when() < since) {
            let packet = p.owned();
            let mut blame = self.judge_logged(&packet, by)?;
            if p.count > 1 {
                attributor::doubt(&mut blame, ALIKE);
            }
            return Some(self.hand_out(&mut blame, seen_packet(&packet), source, out));
        }
        let connections = known.tells_connections_apart() && p.packet.ct.is_some();
        let at = if let Some(at) = known.find(p.packet) {
            at
        } else {
            let packet = p.owned();
            let bytes = by.attributor.packet_of_log(&packet);
            by.env.take();
            let mut blame = by.attributor.logged_as(&packet, &bytes);
            let unknown = blame.verdict == Verdict::Unknown;
            if unknown && self.catch_up() {
                return None;
            }
            self.fresh.update(&mut blame);
            let passing = by.env.take() || unknown;
            match known.keep(p.packet, blame, bytes.bytes.looked(), passing) {
                Ok(at) => at,
                Err(mut blame) => {
                    if p.count > 1 {
                        attributor::doubt(&mut blame, ALIKE);
                    }
                    return Some(self.tell(&blame, seen_packet(&packet), source, out));
                }
            }
        };
        let answer = known.answer(at)?;
        let network = packet::network(p.packet);
        answer.blame.time = Some(p.when());
        answer.blame.packet.read(network, p.packet.payload);
        if now.duration_since(answer.counted) > COUNTERS {
            self.fresh.update(&mut answer.blame);
            answer.counted = now;
        }
        let serial = Some(answer.serial);
        let mut seen = Seen {
            time: p.when(),
            bytes: p.packet.payload,
            inbound: Some(p.packet.iif.is_some()),
            count: p.count,
            answer: serial,
        };
        if p.count > 1 && (connections || !answer.looked.is_within(&likeness::compared(network, p.packet.payload))) {
            let mut blame = answer.blame.clone();
            attributor::doubt(&mut blame, ALIKE);
            seen.answer = None;
            return Some(self.tell(&blame, seen, source, out));
        }
        Some(self.tell(&answer.blame, seen, source, out))
    }

    /// What is there next; `out` hears when it has to be waited for.
    fn next_work(&mut self, out: Out<'_>) -> Option<Work> {
        match self.options.trace {
            Some(_) => self.next_traced(out),
            None => self.next_parcel(out).map(Work::Parcel),
        }
    }

    fn next_parcel(&mut self, out: Out<'_>) -> Option<Parcel> {
        loop {
            if let Some(e) = self.drops.overdue(false, false) {
                return Some(Parcel::Event(e));
            }
            let parcel = match self.evidence.try_parcel() {
                None if out(Output::Idle).is_break() => return None,
                None if self.drops.is_empty() => self.evidence.next_parcel(),
                None => match self.evidence.parcel_within(TICK) {
                    Err(RecvTimeoutError::Timeout) => continue,
                    other => other.ok(),
                },
                parcel => parcel,
            };
            match parcel {
                Some(Parcel::Event(Event::Dropped(d))) => {
                    if let Some(e) = self.drops.keep(d) {
                        return Some(Parcel::Event(e));
                    }
                }
                None => return self.drops.overdue(false, true).map(Parcel::Event),
                parcel => return parcel,
            }
        }
    }

    /// What is next to be judged. A packet that is traced too waits for its journey, which tells more.
    fn next_traced(&mut self, out: Out<'_>) -> Option<Work> {
        // With a rate, which packets are traced cannot be told.
        let all_traced = self.options.trace.is_some_and(|t| t.rate.is_none());
        loop {
            if let Some(e) = self.twice.overdue(false).or_else(|| self.drops.overdue(true, false)) {
                return Some(Work::of(e));
            }
            if let Some(ripe) = self.onward.ripe(None) {
                return Some(Work::Ripe(ripe));
            }
            let nothing_waits = self.twice.is_empty() && self.drops.is_empty() && self.onward.is_empty();
            let event = match self.evidence.next_within(Duration::ZERO) {
                Err(RecvTimeoutError::Timeout) if out(Output::Idle).is_break() => return None,
                Err(RecvTimeoutError::Timeout) if nothing_waits => self.evidence.next(),
                Err(RecvTimeoutError::Timeout) => match self.evidence.next_within(TICK) {
                    Err(RecvTimeoutError::Timeout) => continue,
                    other => other.ok(),
                },
                other => other.ok(),
            };
            match &event {
                Some(Event::Journey(j)) => self.onward.journey(j),
                Some(Event::Lost(Loss { source: Source::Trace | Source::LegacyTrace | Source::Tap, .. })) => {
                    self.onward.lost();
                }
                _ => {}
            }
            match event {
                Some(Event::Tapped(t)) => self.onward.frame(t),
                Some(Event::Dropped(d)) => {
                    if let Some(e) = self.drops.keep(d) {
                        return Some(Work::of(e));
                    }
                }
                Some(e) if all_traced => {
                    if let Some(e) = self.twice.keep(e) {
                        return Some(Work::of(e));
                    }
                }
                Some(e) => return Some(Work::of(e)),
                None => return self.last_waiting(),
            }
        }
    }

    /// Whatever waits, at the end.
    fn last_waiting(&mut self) -> Option<Work> {
        let event = self.twice.overdue(true).or_else(|| self.drops.overdue(false, true)).map(Work::of);
        event.or_else(|| self.onward.ripe(Some(self.ended())).map(Work::Ripe))
    }

    /// When the word to stop came, as far as that can be told.
    fn ended(&self) -> Time {
        let ago =
            self.evidence.stopped_since().map_or(0, |at| u64::try_from(at.elapsed().as_nanos()).unwrap_or(u64::MAX));
        Time(Time::now().0.saturating_sub(ago))
    }

    fn attributor<'a>(&self, rules: &'a Ruleset, env: &'a dyn Environment, history: &'a Generations) -> Attributor<'a> {
        Attributor::new(rules, env, Some(history)).with_legacy_trace(&self.legacy_traced)
    }

    /// Has it been stopped for so long that what is left is not judged any more?
    fn is_late(&self) -> bool {
        self.evidence.stopped_since().is_some_and(|at| at.elapsed() > GRACE)
    }

    /// Counts this and all that waits, by source, and tells of it as lost.
    fn leave_unjudged(&mut self, first: Work, out: Out<'_>) {
        let mut left: BTreeMap<Source, u64> = BTreeMap::new();
        let mut next = Some(first);
        while let Some(work) = next {
            let parcel = match work {
                Work::Parcel(parcel) => parcel,
                Work::Ripe(Ripe::Held(held)) => Parcel::Event(Event::Journey(held.journey)),
                Work::Ripe(Ripe::Unmet(t)) => Parcel::Event(Event::Tapped(t)),
            };
            match parcel {
                Parcel::Packets(sent, mut at) => {
                    while let Some((p, count)) = sent.batch().and_then(|b| b.get(at)) {
                        *left.entry(Source::Group(p.group)).or_default() += u64::from(count);
                        at += 1;
                    }
                }
                Parcel::Event(Event::Packet(p)) => {
                    *left.entry(Source::Group(p.group)).or_default() += u64::from(p.count)
                }
                Parcel::Event(Event::Journey(_)) => {
                    *left.entry(Source::Trace).or_default() += 1;
                }
                // Whether its packet was lost at all is not known.
                Parcel::Event(Event::Tapped(_)) => {}
                Parcel::Event(Event::Dropped(_)) => *left.entry(Source::DropMonitor).or_default() += 1,
                Parcel::Event(Event::Lost(loss)) => {
                    self.ledger.lost(&loss);
                    if out(Output::Lost(loss)).is_break() {
                        return;
                    }
                }
                Parcel::Event(Event::Failed(source, error)) => {
                    let _ = out(Output::Note(format!("{source}: {error}")));
                }
            }
            let waiting = self.last_waiting();
            let left = || self.evidence.opened_parcel().or_else(|| self.evidence.next_parcel());
            next = waiting.or_else(|| left().map(Work::Parcel));
        }
        for (source, count) in left {
            let loss = Loss { source, count: Some(count), cause: LossCause::Stopped };
            self.ledger.lost(&loss);
            if out(Output::Lost(loss)).is_break() {
                return;
            }
        }
    }

    /// The blame of a logged packet; none if a newer ruleset has come that must be taken first.
    fn judge_logged(&mut self, p: &LoggedPacket, by: &Present<'_>) -> Option<Blame> {
        let met = by.generations.met(p.when(), SLACK);
        let mut blame = self.judge(&met.rules, by, |a| a.logged(p));
        if blame.verdict == Verdict::Unknown && self.catch_up() {
            return None;
        }
        if let Some(missed) = met.missed {
            attributor::doubt(&mut blame, missed);
        }
        Some(blame)
    }

    fn judge_journey(&mut self, j: &Journey, by: &Present<'_>) -> Option<Blame> {
        let met = by.generations.met(j.began, SLACK);
        let mut blame = self.judge(&met.rules, by, |a| a.journey(j));
        if blame.verdict == Verdict::Unknown && self.catch_up() {
            return None;
        }
        // What the kernel named by its handle is found in one ruleset or not at all: no doubt about which.
        if let Some(missed) = met.missed.filter(|_| blame.culprit.rule_handle.is_none()) {
            attributor::doubt(&mut blame, missed);
        }
        Some(blame)
    }

    fn judge_dropped(&mut self, d: &Dropped, by: &Present<'_>) -> Option<Blame> {
        let met = by.generations.met(d.when(), SLACK);
        let mut blame = self.judge(&met.rules, by, |a| a.dropped(d));
        // Rules that came since may have dropped it.
        if blame.culprit.kind == CulpritKind::Unknown && self.catch_up() {
            return None;
        }
        if let Some(missed) = met.missed.filter(|_| blame.culprit.table_name.is_some()) {
            attributor::doubt(&mut blame, missed);
        }
        Some(blame)
    }

    /// Judges by each ruleset that a packet may have met; if they disagree, the answer says so.
    fn judge(&self, met: &[Arc<Ruleset>], by: &Present<'_>, judge: impl Fn(&Attributor<'_>) -> Blame) -> Blame {
        let mut answers = met.iter().map(|rules| {
            if std::ptr::eq(by.attributor.rules(), &raw const **rules) {
                judge(&by.attributor)
            } else {
                judge(&self.attributor(rules, by.env, by.generations))
            }
        });
        let Some(mut best) = answers.next() else { return judge(&by.attributor) };
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

    fn hand_out(&mut self, blame: &mut Blame, seen: Seen<'_>, source: Source, out: Out<'_>) -> ControlFlow<()> {
        if blame.verdict != Verdict::Accept || self.options.all {
            self.fresh.update(blame);
        }
        self.tell(blame, seen, source, out)
    }

    fn tell(&mut self, blame: &Blame, seen: Seen<'_>, source: Source, out: Out<'_>) -> ControlFlow<()> {
        if source != Source::DropMonitor && blame.verdict.is_loss() && self.evidence.monitors_drops() {
            self.drops.told(seen.bytes);
        }
        let noise = blame.freed.as_ref().is_some_and(|f| f.noise.is_some());
        let (summary, count) = (&mut self.summary, seen.count);
        self.ledger.saw_many(source, count);
        summary.seen += count;
        match blame.verdict {
            _ if noise => summary.noise += count,
            Verdict::Accept => summary.accepted += count,
            Verdict::Unknown => summary.unknown += count,
            _ => {
                summary.drops += count;
                if blame.culprit.kind != CulpritKind::Unknown {
                    summary.attributed += count;
                    if blame.confidence == Confidence::Certain {
                        summary.certain += count;
                    }
                }
            }
        }
        if (blame.verdict == Verdict::Accept || noise) && !self.options.all {
            return ControlFlow::Continue(());
        }
        out(Output::Blame(blame, seen))
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
                self.ledger.lost(&Loss { source: Source::Ruleset, count: None, cause: LossCause::NoBuffers });
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
    Seen { time: p.when(), bytes: &p.payload, inbound: Some(p.iif.is_some()), count: p.count.into(), answer: None }
}

/// Who takes what comes out.
type Out<'o> = &'o mut dyn FnMut(Output<'_>) -> ControlFlow<()>;

/// What packets are judged by.
struct Present<'a> {
    /// The latest ruleset.
    attributor: Attributor<'a>,
    host: &'a KernelHost,
    env: &'a Asked<'a>,
    generations: &'a Generations,
    /// From when on packets have met the latest ruleset only.
    settled: Option<Time>,
}

/// What is to be judged.
enum Work {
    /// As it came.
    Parcel(Parcel),
    /// What has waited for its other half.
    Ripe(Ripe),
}

impl Work {
    fn of(event: Event) -> Self {
        Self::Parcel(Parcel::Event(event))
    }
}

/// How far the contents of a parcel were judged.
enum Done {
    /// To the end.
    All,
    /// There is a newer ruleset, which comes first.
    Stale,
    /// Nobody wants more.
    Enough,
}

/// A logged packet, as it lies in the batch that it came in.
struct Logged<'b> {
    packet: &'b nflog::Packet<'b>,
    /// How many it stands for.
    count: u64,
    received: Time,
}

impl Logged<'_> {
    fn when(&self) -> Time {
        self.packet.timestamp.map_or(self.received, |t| Time(u64::try_from(t.as_nanos()).unwrap_or(u64::MAX)))
    }

    fn owned(&self) -> LoggedPacket {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        LoggedPacket { count, ..LoggedPacket::new(self.packet, self.received) }
    }
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
