//! Packets whose fate lies where no hook of netfilter sees it: before the first one, where traffic control decides, and
//! behind the last, where a neighbour is waited for, and programs of control groups and devices decide.
//!
//! A frame that came in is held until the journey of its packet must have come; a journey out of the last hook until its
//! frame must have gone out, or its neighbour has answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::blame::{Blame, Confidence, CulpritKind, Time, Verdict};
use crate::evaluate::{Environment, Fact, Hook};
use crate::evidence::tap::Places;
use crate::evidence::trace::End;
use crate::evidence::{Journey, Tapped};
use crate::host::{Host, KernelHost};
use crate::sys::rt;

use super::ends::Ends;

/// How long a frame waits for its journey: a packet in a queue of a program may take so long.
const FRAMES: Duration = Duration::from_millis(2500);
/// How long a journey waits for its frame.
const LEAVING: Duration = Duration::from_millis(600);
/// How often it is looked whether a neighbour has answered, and for how long: three questions, a second apart, and some more.
const NEIGHBOUR: Duration = Duration::from_millis(200);
const NO_ANSWER: Duration = Duration::from_millis(4500);
/// How long it is remembered what entered and left.
const MEMORY: Duration = Duration::from_secs(4);
/// What begins so soon after watching did, or is read so shortly before its end, may lack its other half.
const EDGE: u64 = 100_000_000;
/// How many of each are kept; what more comes goes on without being looked after.
const MOST: usize = 8192;

/// A journey out of the last hook that waits.
#[derive(Debug)]
pub(super) struct Held {
    pub journey: Box<Journey>,
    /// Prefix and group of the rule that logged it.
    pub prefix: Option<(String, u16)>,
    since: Instant,
    wait: Wait,
    next: Instant,
}

/// What a held journey waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// The frame, going out of that device.
    Frame(u32),
    /// The answer of the next hop.
    Neighbour,
}

impl Held {
    /// Nobody can answer any more: the kernel has given the packet up.
    pub fn gave_up(&self) -> bool {
        self.wait == Wait::Neighbour && self.since.elapsed() >= NO_ANSWER
    }

    /// The device whose frame was waited for.
    pub fn device(&self) -> Option<u32> {
        match self.wait {
            Wait::Frame(index) => Some(index),
            Wait::Neighbour => None,
        }
    }
}

/// What has come to an end of its waiting.
#[derive(Debug)]
pub(super) enum Ripe {
    /// This frame came in, and no hook has seen its packet.
    Unmet(Box<Tapped>),
    /// This journey is to be judged again; a frame that it waited for was not seen.
    Held(Box<Held>),
}

/// What waits, and what was seen.
#[derive(Debug, Default)]
pub(super) struct Onward {
    places: Places,
    /// Since when both halves are watched.
    since: Time,
    /// Until when packets may lack their other half, evidence having been lost.
    blind: Time,
    /// What queueing disciplines had dropped when watching began, by device.
    dropped: FxHashMap<u32, u64>,
    entered: VecDeque<(Instant, Ends)>,
    left: VecDeque<(Instant, Ends)>,
    frames: VecDeque<(Instant, Box<Tapped>)>,
    leaving: VecDeque<Box<Held>>,
}

/// The devices where a program other than XDP, of which no frame tells, may take packets.
pub(super) fn places(host: &KernelHost) -> Places {
    let mut places = Places::default();
    let groups = host.cgroup_programs().known().is_some_and(|all| all.iter().any(|p| p.hook == "egress"));
    let chosen = |index| host.qdiscs().known().is_some_and(|all| all.iter().any(|q| q.index == index && q.is_chosen()));
    for link in host.links().known().iter().flat_map(|l| l.iter()).filter(|l| !l.is_loopback()) {
        let has = |out| match Environment::programs(host, link.index, out) {
            Fact::Is(all) => all.iter().any(|p| p.kind == CulpritKind::Tc),
            _ => false,
        };
        if has(false) {
            places.incoming.insert(link.index);
        }
        if groups || has(true) || chosen(link.index) {
            places.outgoing.insert(link.index);
        }
    }
    places
}

impl Onward {
    /// Begins now, with these devices.
    pub fn begin(places: Places) -> Self {
        let dropped = if places.is_empty() { FxHashMap::default() } else { drops() };
        Self { places, since: Time::now(), dropped, ..Self::default() }
    }

    /// How many packets queueing disciplines of that device have dropped since watching began.
    pub fn dropped_at(&self, index: u32) -> u64 {
        let now = drops().get(&index).copied().unwrap_or(0);
        now.saturating_sub(self.dropped.get(&index).copied().unwrap_or(0))
    }

    /// A device carried a frame.
    pub fn frame(&mut self, t: Box<Tapped>) {
        let Some(ends) = Ends::of(t.network, &t.payload) else { return };
        if t.out {
            remember(&mut self.left, ends);
        } else if self.frames.len() < MOST {
            self.frames.push_back((Instant::now(), t));
        }
    }

    /// A journey was read.
    pub fn journey(&mut self, j: &Journey) {
        if !self.places.incoming.is_empty()
            && let Some(v) = j.first_view().filter(|v| v.iif.is_some())
            && let Some(ends) = Ends::of(v.network, &v.bytes())
        {
            remember(&mut self.entered, ends);
        }
    }

    /// Evidence was lost: what is under way may lack its other half.
    pub fn lost(&mut self) {
        self.blind = Time::now();
        self.frames.clear();
    }

    /// Takes a judged journey that has to wait; gives it back if it has not.
    pub fn hold(
        &mut self,
        journey: &Journey,
        blame: &Blame,
        prefix: Option<(String, u16)>,
        again: Option<&Held>,
    ) -> Result<(), Option<(String, u16)>> {
        let wait = match (again.map(|h| h.wait), blame.verdict) {
            _ if journey.end != End::Passed(Hook::Postrouting) || again.is_some_and(Held::gave_up) => None,
            (Some(Wait::Frame(_)), _) => None,
            _ if waits_for_neighbour(blame) => Some(Wait::Neighbour),
            (_, verdict) if verdict != Verdict::Accept => None,
            _ => self.frame_of(journey, blame).map(Wait::Frame),
        };
        let Some(wait) = wait.filter(|_| self.leaving.len() < MOST) else { return Err(prefix) };
        let now = Instant::now();
        let next = now + if wait == Wait::Neighbour { NEIGHBOUR } else { LEAVING };
        let since = again.map_or(now, |h| h.since);
        self.leaving.push_back(Box::new(Held { journey: Box::new(journey.clone()), prefix, since, wait, next }));
        Ok(())
    }

    /// The device out of which its frame must be seen, where that can be told.
    fn frame_of(&self, j: &Journey, blame: &Blame) -> Option<u32> {
        let index = device_out(j)?;
        let whole = self.places.outgoing.contains(&index) && j.began.0 > self.since.0.max(self.blind.0) + EDGE;
        let fragments = j.last_view().is_none_or(|v| v.is_fragment());
        let mtu = || rt::Handle::open().and_then(|mut h| h.link_at(index)).ok().map(|l| l.mtu as usize);
        // What is cut into pieces does not look like itself any more.
        (whole && !fragments && mtu().is_some_and(|mtu| blame.packet.length <= mtu)).then_some(index)
    }

    /// What has waited long enough, or all of it at the end.
    pub fn ripe(&mut self, end: Option<Time>) -> Option<Ripe> {
        while self.frames.front().is_some_and(|(since, _)| end.is_some() || since.elapsed() >= FRAMES) {
            let (_, t) = self.frames.pop_front()?;
            let early = t.received.0 < self.since.0.max(self.blind.0) + EDGE;
            let late = end.is_some_and(|end| t.received.0 + EDGE > end.0);
            if !early && !late && !seen(&mut self.entered, Ends::of(t.network, &t.payload)) {
                return Some(Ripe::Unmet(t));
            }
        }
        let now = Instant::now();
        let due = self.leaving.iter().position(|h| end.is_some() || h.next <= now);
        due.and_then(|at| self.leaving.remove(at)).map(Ripe::Held)
    }

    /// Was its frame seen going out, or can that not be told?
    pub fn may_have_left(&mut self, held: &Held, end: Option<Time>) -> bool {
        let ended = held.journey.ended.0;
        let view = held.journey.last_view();
        let late = end.is_some_and(|end| ended + EDGE > end.0);
        late || self.blind.0 + EDGE > held.journey.began.0
            || seen(&mut self.left, view.and_then(|v| Ends::of(v.network, &v.bytes())))
    }

    /// Does anything wait?
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.leaving.is_empty()
    }
}

/// The index of the device that it goes out by.
fn device_out(j: &Journey) -> Option<u32> {
    use crate::evidence::trace::View;
    j.steps.iter().rev().find_map(|s| View::of(&s.record).and_then(|v| v.oif))
}

/// Is it open whether the next hop answers?
pub(super) fn waits_for_neighbour(blame: &Blame) -> bool {
    let mut culprits = std::iter::once(&blame.culprit).chain(&blame.alternatives);
    blame.confidence != Confidence::Certain && culprits.any(|c| c.kind == CulpritKind::Neighbour)
}

fn remember(seen: &mut VecDeque<(Instant, Ends)>, ends: Ends) {
    while seen.len() >= 8 * MOST || seen.front().is_some_and(|(at, _)| at.elapsed() > MEMORY) {
        seen.pop_front();
    }
    seen.push_back((Instant::now(), ends));
}

/// Takes what was remembered out: the next one that looks like it is another packet.
fn seen(among: &mut VecDeque<(Instant, Ends)>, ends: Option<Ends>) -> bool {
    let Some(ends) = ends else { return true };
    let at = among.iter().position(|(_, e)| e.is_same(&ends));
    at.is_some_and(|at| among.remove(at).is_some())
}

/// What queueing disciplines have dropped, by device. Those that cannot be asked have dropped nothing that is known.
fn drops() -> FxHashMap<u32, u64> {
    let mut all = FxHashMap::default();
    for q in rt::qdiscs().unwrap_or_default() {
        *all.entry(q.index).or_default() += u64::from(q.drops);
    }
    all
}
