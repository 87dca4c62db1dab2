//! Records of many packets, put together packet by packet.
//!
//! Two streams come in, each in the kernel's order: the records of nf_tables, which carry a trace id, and those of
//! the legacy tables, which carry the packet. The reader takes from the first, then from the second until it is empty or
//! tells of a packet that the first has not told of yet, then calls [`Joiner::settle`]; since the kernel queues both kinds
//! before the packet goes on, everything about a packet whose end was read has been read by then. A packet that some silent
//! thing has taken is given up when it was quiet for [`QUIET`]; nothing is quiet while there is more to be read
//! ([`Joiner::give_up`]).
//!
//! The kernel uses a trace id again, even for the next packet of the same flow. A packet meets each base chain
//! once, so a second meeting is another packet.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::journey::{Edge, End, Journey, Record, Step, View};
use super::names;
use super::print::print;
use crate::blame::Time;
use crate::evaluate::hook::Hook;
use crate::evidence::legacy::LegacyTrace;
use crate::sys::Text;
use crate::sys::nft::{self, Verdict};

/// A packet passes all hooks in microseconds; one that was silent for so long was taken, without a record, by a legacy rule or
/// by the kernel.
pub const QUIET: Duration = Duration::from_millis(100);
/// A program that has it in a queue may take its time.
pub const QUEUED: Duration = Duration::from_secs(2);
/// Packets under way at once; more are counted as lost.
const MOST: usize = 50_000;

/// Joins records into journeys.
#[derive(Debug, Default)]
pub struct Joiner {
    /// Our table.
    table: Text,
    /// By the order in which they began.
    journeys: BTreeMap<u64, Open>,
    /// The latest journey of a trace id, unless it has ended.
    by_id: FxHashMap<u32, u64>,
    by_print: FxHashMap<u64, SmallVec<[u64; 1]>>,
    /// When to look whether a journey is quiet.
    alarms: VecDeque<(Instant, u64)>,
    /// Those whose end was read.
    ripe: Vec<u64>,
    next: u64,
    /// Whether what begins may lack records of the legacy tables.
    gap: Gap,
    /// Records of nf_tables are missing somewhere from here on.
    gap_ahead: bool,
    refused: u64,
    /// When a record found no place.
    refused_last: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    /// Its nf_tables records are in `steps`.
    journey: Journey,
    /// Its legacy records, in order.
    legacy: Vec<LegacyTrace>,
    ended: bool,
    touched: Instant,
    /// Its trace ids: more than one if it was handed from device to device.
    ids: SmallVec<[u32; 2]>,
    /// The base chains it has entered.
    entered: SmallVec<[(nft::Family, Text, Text); 8]>,
    prints: SmallVec<[u64; 2]>,
    hook: Option<Hook>,
}

/// The latest place in the stream of the legacy tables where records are missing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// The records of nf_tables have come further.
    #[default]
    None,
    /// Before the record that comes next.
    BeforeNext,
    /// Before the first record of this journey, whose end nf_tables has not told yet. A packet on another CPU, which began
    /// before that record, may be told of by nf_tables between the beginning and the end of this one.
    Before(u64),
}

/// The same moment by two clocks: one that is shown, one that only goes forward.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For people.
    pub time: Time,
    /// For timeouts.
    pub instant: Instant,
}

impl Now {
    /// Now.
    pub fn read() -> Self {
        Self { time: Time::now(), instant: Instant::now() }
    }
}

impl Joiner {
    /// Nothing under way. Records from the table of that name tell the edges of hooks.
    pub fn new(table: Text) -> Self {
        Self { table, ..Self::default() }
    }

    /// Takes a record of nf_tables.
    pub fn nft(&mut self, trace: nft::Trace, now: Now) {
        let mark = if names::is_ours(trace.table.as_bytes()) { names::mark(trace.chain.as_bytes()) } else { None };
        if mark.is_some() && trace.table != self.table {
            return; // another of us is at work
        }
        let begins_chain = View::of_trace(&trace).is_some() || trace.iif.is_some() || trace.oif.is_some();
        let chain = (trace.family, trace.table.clone(), trace.chain.clone());
        let known = self.by_id.get(&trace.id).copied();
        let serial = match known {
            Some(s) if !(begins_chain && self.journeys.get(&s).is_some_and(|o| o.entered.contains(&chain))) => s,
            superseded => {
                if let Some((s, open)) = superseded.and_then(|s| Some((s, self.journeys.get(&s)?))) {
                    self.end(s, open.silence());
                }
                let handed_on = self.handed_on(&trace, mark);
                let Some(s) = handed_on.or_else(|| self.begin(Some(trace.id), now)) else { return };
                if let Some(open) = self.journeys.get_mut(&s) {
                    // On the device above it may meet the same chains again.
                    open.entered.clear();
                }
                self.by_id.insert(trace.id, s);
                s
            }
        };
        let id = trace.id;
        let end = verdict_end(&trace, mark.map(|m| (m.hook, m.edge)));
        let print = View::of_trace(&trace).and_then(|v| print(&v));
        let Some(open) = self.journeys.get_mut(&serial) else { return };
        if !open.ids.contains(&id) {
            open.ids.push(id);
        }
        if begins_chain {
            open.entered.push(chain);
        }
        if let Some(m) = mark {
            open.hook = Some(m.hook);
            open.journey.selected |= m.selected;
            let repeats =
                open.journey.steps.last().is_some_and(|s| {
                    s.hook == Some(m.hook) && matches!(s.record, Record::Edge(edge, _) if edge == m.edge)
                });
            if !repeats {
                open.push(Step { hook: open.hook, record: Record::Edge(m.edge, Box::new(trace)) }, now);
            }
        } else {
            open.push(Step { hook: open.hook, record: Record::Nft(Box::new(trace)) }, now);
        }
        if let Some(print) = print.filter(|p| !open.prints.contains(p)) {
            open.prints.push(print);
            self.by_print.entry(print).or_default().push(serial);
            self.adopt(serial, print);
        }
        if let Some(end) = end {
            self.by_id.remove(&id);
            self.end(serial, end);
        }
    }

    /// Takes a record of a legacy table. Returns false if its packet is not known yet: if nf_tables records are waiting, it is
    /// time to read them.
    pub fn legacy(&mut self, trace: LegacyTrace, now: Now) -> bool {
        let Some(print) = print(&View::of_legacy(&trace)) else { return true };
        let candidates = self.by_print.get(&print).cloned().unwrap_or_default();
        let fits = |s: &u64| self.journeys.get(s).is_some_and(|o| o.may_have_met(&trace));
        let known = candidates.iter().copied().find(fits);
        let serial = match known {
            Some(s) => s,
            // Its nf_tables records are still to be read, or someone else's rule traces without nf_tables.
            None => match self.begin(None, now) {
                Some(s) => {
                    if let Some(open) = self.journeys.get_mut(&s) {
                        open.prints.push(print);
                    }
                    self.by_print.entry(print).or_default().push(s);
                    s
                }
                None => return false,
            },
        };
        if self.gap == Gap::BeforeNext {
            let over = self.journeys.get(&serial).is_some_and(|o| o.ended);
            self.gap = if over { Gap::None } else { Gap::Before(serial) };
        }
        let ambiguous = candidates.len() > 1;
        if let Some(open) = self.journeys.get_mut(&serial) {
            open.journey.ambiguous |= ambiguous;
            open.legacy.push(trace);
            open.touch(now);
        }
        self.is_of_nft(serial)
    }

    /// Has nf_tables told of that journey?
    fn is_of_nft(&self, serial: u64) -> bool {
        self.journeys.get(&serial).is_some_and(|o| o.journey.id.is_some())
    }

    /// Records of nf_tables are lost, somewhere from here on until this is taken back: whatever is under way in between may
    /// lack some.
    pub fn gap_ahead(&mut self, ahead: bool) {
        self.gap_ahead = ahead;
        self.lost_nft();
    }

    /// Records of nf_tables were lost here: what is under way may lack some.
    pub fn lost_nft(&mut self) {
        for open in self.journeys.values_mut() {
            open.journey.incomplete = true;
        }
    }

    /// Records of the legacy tables were lost before the next one: what is under way may lack some, and also what begins until
    /// the records of nf_tables have come as far as that one.
    pub fn lost_legacy(&mut self) {
        self.lost_nft();
        self.gap = Gap::BeforeNext;
    }

    /// Everything that the legacy tables said before what was read of nf_tables has been taken: gives out what has ended.
    pub fn settle(&mut self, mut out: impl FnMut(Journey)) {
        for serial in std::mem::take(&mut self.ripe) {
            if let Some(journey) = self.take(serial).map(Open::into_journey).filter(Journey::tells_something) {
                out(journey);
            }
        }
    }

    /// Nothing is left to be read: ends what has been quiet for too long.
    pub fn give_up(&mut self, now: Now) {
        while let Some((_, serial)) = self.alarms.front().copied().filter(|(at, _)| *at <= now.instant) {
            self.alarms.pop_front();
            let Some(open) = self.journeys.get(&serial).filter(|o| !o.ended) else { continue };
            let due = open.touched + open.patience();
            if due <= now.instant {
                self.end(serial, open.silence());
            } else {
                // Patience is of two kinds only, so this stays nearly in order.
                let place = self.alarms.partition_point(|(other, _)| *other <= due);
                self.alarms.insert(place, (due, serial));
            }
        }
    }

    /// Gives out what is still under way, because we stop.
    pub fn finish(&mut self, out: impl FnMut(Journey)) {
        for serial in self.journeys.keys().copied().collect::<Vec<_>>() {
            self.end(serial, End::Interrupted);
        }
        self.settle(out);
    }

    /// When to call [`give_up`](Self::give_up) even if nothing arrives.
    pub fn next_alarm(&self) -> Option<Instant> {
        self.alarms.front().map(|(at, _)| *at)
    }

    /// How many records found no place because too many packets were under way, since the last call.
    pub fn take_refused(&mut self) -> u64 {
        std::mem::take(&mut self.refused)
    }

    fn begin(&mut self, id: Option<u32>, now: Now) -> Option<u64> {
        if self.journeys.len() >= MOST {
            self.refused += 1;
            self.refused_last = Some(now.instant);
            return None;
        }
        // Its first records may be among those that found no place.
        let begun_before = self.refused_last.is_some_and(|at| now.instant.saturating_duration_since(at) < QUEUED);
        let serial = self.next;
        self.next += 1;
        let journey = Journey {
            id,
            began: now.time,
            ended: now.time,
            steps: Vec::new(),
            end: End::Silent,
            selected: false,
            incomplete: self.gap != Gap::None || begun_before,
            ambiguous: false,
        };
        let open = Open {
            journey,
            legacy: Vec::new(),
            ended: false,
            touched: now.instant,
            ids: SmallVec::new(),
            entered: SmallVec::new(),
            prints: SmallVec::new(),
            hook: None,
        };
        self.journeys.insert(serial, open);
        self.alarms.push_back((now.instant + QUIET, serial));
        Some(serial)
    }

    /// The journey of a packet that was last seen entering another device: a VLAN, bond, bridge or the like takes packets
    /// from the devices under it, and the kernel gives them another trace id then.
    fn handed_on(&self, trace: &nft::Trace, mark: Option<names::Mark>) -> Option<u64> {
        let enters = mark.is_some_and(|m| m.edge == Edge::Enters && matches!(m.hook, Hook::Ingress | Hook::Prerouting));
        let print = View::of_trace(trace).filter(|_| enters).and_then(|v| print(&v))?;
        let candidates = self.by_print.get(&print)?.iter().rev().copied();
        candidates.into_iter().find(|s| self.journeys.get(s).is_some_and(|o| !o.ended && o.may_be_handed_on()))
    }

    /// Legacy records that were read before the first nf_tables record of their packet.
    fn adopt(&mut self, serial: u64, print: u64) {
        let Some(list) = self.by_print.get(&print) else { return };
        let orphans: SmallVec<[u64; 2]> = list
            .iter()
            .copied()
            .filter(|s| self.journeys.get(s).is_some_and(|o| o.journey.id.is_none() && !o.ended))
            .collect();
        for orphan in orphans {
            let gap = self.gap;
            let Some(other) = self.take(orphan) else { continue };
            if gap == Gap::Before(orphan) {
                self.gap = Gap::Before(serial);
            }
            let Some(open) = self.journeys.get_mut(&serial) else { return };
            open.journey.began = open.journey.began.min(other.journey.began);
            open.legacy.extend(other.legacy);
        }
    }

    fn end(&mut self, serial: u64, end: End) {
        if let Some(open) = self.journeys.get_mut(&serial).filter(|o| !o.ended) {
            open.ended = true;
            open.journey.end = end;
            open.journey.incomplete |= self.gap_ahead;
            self.ripe.push(serial);
        }
    }

    fn take(&mut self, serial: u64) -> Option<Open> {
        let open = self.journeys.remove(&serial)?;
        if self.gap == Gap::Before(serial) {
            self.gap = Gap::None;
        }
        for print in &open.prints {
            if let Some(list) = self.by_print.get_mut(print) {
                list.retain(|s| *s != serial);
                if list.is_empty() {
                    self.by_print.remove(print);
                }
            }
        }
        for id in &open.ids {
            if self.by_id.get(id) == Some(&serial) {
                self.by_id.remove(id);
            }
        }
        Some(open)
    }
}

impl Open {
    fn push(&mut self, step: Step, now: Now) {
        self.journey.steps.push(step);
        self.touch(now);
    }

    fn touch(&mut self, now: Now) {
        self.touched = now.instant;
        self.journey.ended = now.time;
    }

    /// What silence means. A frame that came out of the bridge's last hook has passed; a fragment that goes into reassembly
    /// is not heard of again.
    fn silence(&self) -> End {
        if let Some(Step {
            hook: Some(hook @ (Hook::Input | Hook::Postrouting)),
            record: Record::Edge(Edge::Leaves, _),
        }) = self.journey.steps.last()
        {
            return End::Passed(*hook);
        }
        let edges_only = self.journey.steps.iter().all(|s| {
            matches!(s.record, Record::Edge(Edge::Enters, _))
                || matches!((&s.record, s.hook), (Record::Nft(t), _) if t.family == nft::Family::Netdev)
        });
        let fragment = self.journey.last_view().is_some_and(|v| v.is_fragment());
        if edges_only && fragment { End::Reassembly } else { End::Silent }
    }

    /// Was it last seen where devices hand packets to the ones above them: at the ingress, or at the end of a bridge's input?
    fn may_be_handed_on(&self) -> bool {
        let Some(step) = self.journey.steps.last() else { return false };
        match (&step.record, step.record.nft().map(|t| t.family)) {
            (_, Some(nft::Family::Netdev)) => true,
            (Record::Edge(Edge::Leaves, _), Some(nft::Family::Bridge)) => step.hook == Some(Hook::Input),
            _ => false,
        }
    }

    fn patience(&self) -> Duration {
        let queued = self.journey.steps.last().and_then(|s| s.record.nft()).and_then(|t| t.verdict.as_ref());
        if matches!(queued, Some(Verdict::Queue { .. })) { QUEUED } else { QUIET }
    }

    /// Could this packet have met that rule? Not twice.
    fn may_have_met(&self, trace: &LegacyTrace) -> bool {
        let place = |t: &LegacyTrace| (t.table.clone(), t.chain.clone(), t.number, t.packet.hook);
        self.legacy.iter().all(|l| place(l) != place(trace))
    }

    /// Puts the legacy records at the end of their hooks. Where in the hook is for [`Journey::order`] to find out.
    fn into_journey(self) -> Journey {
        let mut journey = self.journey;
        let steps = &mut journey.steps;
        for trace in self.legacy {
            let hook = trace.packet.hook;
            // The hooks of a bridge have the same names.
            let at_hook = |s: &Step| s.hook == hook && s.record.nft().is_none_or(|t| t.family != nft::Family::Bridge);
            let leaves = steps.iter().position(|s| at_hook(s) && matches!(s.record, Record::Edge(Edge::Leaves, _)));
            let last = steps.iter().rposition(at_hook).map(|at| at + 1);
            let at = leaves.or(last).unwrap_or(steps.len());
            steps.insert(at, Step { hook, record: Record::Legacy(Box::new(trace)) });
        }
        journey
    }
}

/// Does this record end the journey?
fn verdict_end(trace: &nft::Trace, mark: Option<(Hook, Edge)>) -> Option<End> {
    if let Some((hook @ (Hook::Input | Hook::Postrouting), Edge::Leaves)) = mark {
        // Out of the bridge's hooks a frame may go on into those of IP.
        return (trace.family == nft::Family::Inet).then_some(End::Passed(hook));
    }
    let verdict = trace.policy.as_ref().or(trace.verdict.as_ref());
    (verdict == Some(&Verdict::Drop)).then_some(End::Dropped)
}
