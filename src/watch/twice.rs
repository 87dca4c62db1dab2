//! A packet that is traced and logged as well comes twice, and in either order: the two are put together, so that it is told of
//! once, with its way and its prefix.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::evidence::trace::View;
use crate::evidence::{Event, Journey, LoggedPacket};

/// How long a log record waits for its journey, which is complete when the packet has been silent for a while.
const RECORD_WAITS: Duration = Duration::from_millis(500);
/// How long a journey waits for log records, which the kernel collects for a while.
const JOURNEY_WAITS: Duration = Duration::from_millis(40);
/// How many of each wait at the most; the oldest goes on alone then.
const MOST: usize = 4096;

/// What waits for its other half.
#[derive(Debug, Default)]
pub(super) struct Twice {
    records: VecDeque<(Instant, Box<LoggedPacket>)>,
    journeys: VecDeque<(Instant, Box<Journey>)>,
    /// The prefix and group of journeys that found theirs, by when they began; short-lived.
    found: Option<(String, u16)>,
}

impl Twice {
    /// Lets an event wait; returns what has to go on alone because too many do.
    pub fn keep(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Packet(p) => {
                self.records.push_back((Instant::now(), p));
                if self.records.len() > MOST { self.pop_record() } else { None }
            }
            Event::Journey(j) => {
                self.journeys.push_back((Instant::now(), j));
                if self.journeys.len() > MOST { self.pop_journey() } else { None }
            }
            other => Some(other),
        }
    }

    /// The next event that has waited long enough, or any at the end. A journey comes with what its records tell, to be
    /// taken by [`take_prefix`](Self::take_prefix).
    pub fn overdue(&mut self, end: bool) -> Option<Event> {
        let over = |since: Option<Instant>, wait| since.is_some_and(|s| end || s.elapsed() >= wait);
        if over(self.journeys.front().map(|j| j.0), JOURNEY_WAITS) {
            return self.pop_journey();
        }
        if over(self.records.front().map(|r| r.0), RECORD_WAITS) {
            return self.pop_record();
        }
        None
    }

    /// Prefix and group of the log records of the journey that was handed out last.
    pub fn take_prefix(&mut self) -> Option<(String, u16)> {
        self.found.take()
    }

    /// Does anything wait?
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.journeys.is_empty()
    }

    fn pop_record(&mut self) -> Option<Event> {
        self.records.pop_front().map(|(_, p)| Event::Packet(p))
    }

    fn pop_journey(&mut self) -> Option<Event> {
        let (_, j) = self.journeys.pop_front()?;
        let views: Vec<View<'_>> = j.steps.iter().filter_map(|s| View::of(&s.record)).collect();
        self.found = None;
        let found = &mut self.found;
        self.records.retain(|(_, p)| {
            let same = views.iter().any(|v| is_same(v, p));
            if same && found.is_none() {
                *found = Some((p.prefix.to_string(), p.group));
            }
            !same
        });
        drop(views);
        Some(Event::Journey(j))
    }
}

/// The headers are the same to the bit, IP id and checksums included.
fn is_same(v: &View<'_>, p: &LoggedPacket) -> bool {
    let bytes = v.bytes();
    let n = bytes.len().min(p.payload.len());
    v.network == p.network && n >= 20 && bytes.get(..n) == p.payload.get(..n)
}
