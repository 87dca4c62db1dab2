//! What is to be judged next: evidence as it comes, and what has waited for its other half.

use std::collections::BTreeMap;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::blame::Time;
use crate::evidence::{Event, Loss, LossCause, Parcel, Source};

use super::engine::{Out, Watch};
use super::onward::Ripe;
use super::report::Output;

/// How long what waits is still judged after the word to stop; what is left then is counted.
const GRACE: Duration = Duration::from_secs(2);

/// How often waiting packets are looked after.
const TICK: Duration = Duration::from_millis(10);

/// How often new rulesets are taken while there is nothing to judge.
const IDLE: Duration = Duration::from_secs(1);

/// What is to be judged.
pub(super) enum Work {
    /// As it came.
    Parcel(Parcel),
    /// What has waited for its other half.
    Ripe(Ripe),
    /// Nothing: newer rulesets have come.
    Rules,
}

impl Work {
    pub fn of(event: Event) -> Self {
        Self::Parcel(Parcel::Event(event))
    }
}

impl Watch {
    /// What is there next; `out` hears when it has to be waited for.
    pub(super) fn next_work(&mut self, out: Out<'_>) -> Option<Work> {
        match self.options.trace {
            Some(_) => self.next_traced(out),
            None => self.next_untraced(out),
        }
    }

    fn next_untraced(&mut self, out: Out<'_>) -> Option<Work> {
        loop {
            if let Some(e) = self.drops.overdue(false, false) {
                return Some(Work::of(e));
            }
            let parcel = match self.evidence.try_parcel() {
                None if out(Output::Idle).is_break() => return None,
                None => match self.evidence.parcel_within(if self.drops.is_empty() { IDLE } else { TICK }) {
                    Err(RecvTimeoutError::Timeout) if self.take_updates() => return Some(Work::Rules),
                    Err(RecvTimeoutError::Timeout) => continue,
                    other => other.ok(),
                },
                parcel => parcel,
            };
            match parcel {
                Some(Parcel::Event(Event::Dropped(d))) => {
                    if let Some(e) = self.drops.keep(d) {
                        return Some(Work::of(e));
                    }
                }
                None => return self.drops.overdue(false, true).map(Work::of),
                parcel => return parcel.map(Work::Parcel),
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
                Err(RecvTimeoutError::Timeout) => {
                    match self.evidence.next_within(if nothing_waits { IDLE } else { TICK }) {
                        Err(RecvTimeoutError::Timeout) if self.take_updates() => return Some(Work::Rules),
                        Err(RecvTimeoutError::Timeout) => continue,
                        other => other.ok(),
                    }
                }
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

    /// Whatever has come and was not looked at, at the end.
    fn last_parcel(&self) -> Option<Work> {
        self.evidence.opened_parcel().or_else(|| self.evidence.next_parcel()).map(Work::Parcel)
    }

    /// When the word to stop came, as far as that can be told.
    pub(super) fn ended(&self) -> Time {
        let ago =
            self.evidence.stopped_since().map_or(0, |at| u64::try_from(at.elapsed().as_nanos()).unwrap_or(u64::MAX));
        Time(Time::now().0.saturating_sub(ago))
    }

    /// Has it been stopped for so long that what is left is not judged any more?
    pub(super) fn is_late(&self) -> bool {
        self.evidence.stopped_since().is_some_and(|at| at.elapsed() > GRACE)
    }

    /// Counts this and all that waits, by source, and tells of it as lost.
    pub(super) fn leave_unjudged(&mut self, first: Work, out: Out<'_>) {
        let mut left: BTreeMap<Source, u64> = BTreeMap::new();
        let mut first = Some(first);
        while let Some(work) = first.take().or_else(|| self.last_waiting()).or_else(|| self.last_parcel()) {
            let parcel = match work {
                Work::Rules => continue,
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
        }
        for (source, count) in left {
            let loss = Loss { source, count: Some(count), cause: LossCause::Stopped };
            self.ledger.lost(&loss);
            if out(Output::Lost(loss)).is_break() {
                return;
            }
        }
    }
}
