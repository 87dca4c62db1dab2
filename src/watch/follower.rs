//! Following the ruleset: every announced change is read at once, so that each packet can be judged by the rules it met.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::blame::Time;
use crate::evidence::trace::is_ours;
use crate::ruleset::Ruleset;
use crate::ruleset::hooks::Registered;
use crate::sys::netlink::{Client, Family as Netlink};
use crate::sys::nft::monitor::{Interest, Monitor, Received};
use crate::sys::{Error, hook, nft, xt};

use super::transaction::{Announced, Transaction};

/// Legacy tables and foreign hooks announce nothing: how often they are looked at again.
const LEGACY_INTERVAL: Duration = Duration::from_secs(1);
/// How many updates may wait to be taken.
const WAITING: usize = 16;

/// A wait of fewer nanoseconds has ended at once.
const AT_ONCE: u64 = 1_000_000;
/// By how many nanoseconds a thread may be woken late.
const LATE: u64 = 60_000_000;

/// How long one look into the queue waits while catching up.
const STEP: Duration = Duration::from_millis(5);

/// The ruleset as it stands from some time on.
#[derive(Debug)]
pub struct Update {
    /// The ruleset.
    pub rules: Arc<Ruleset>,
    /// When it was read.
    pub read: Time,
    /// Up to when all changes are known.
    pub known: Time,
    /// The changes since the last update.
    pub changes: Vec<Announced>,
    /// Announcements were lost: other changes may have happened in between.
    pub lost: bool,
}

/// Follows the ruleset of one network namespace on a thread of its own. Dropping it ends that.
#[derive(Debug)]
pub struct Follower {
    updates: Receiver<Update>,
    /// The latest generation that was dealt with: the updates of all before it have been sent.
    heard: Arc<AtomicU32>,
    /// From when on changes may have been made of which no update has been sent yet; none: 0.
    behind: Arc<AtomicU64>,
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Reads the ruleset of the calling thread's namespace and follows it from then on. Tables of our own
    /// for tracing are nobody's rules, and left out.
    ///
    /// # Errors
    /// When the ruleset cannot be read.
    pub fn start() -> Result<(Self, Update), Error> {
        // Listening begins before reading: a change in between is read twice, not missed.
        let monitor = if nft::is_present() {
            let m = Monitor::open(Interest { changes: true, trace: false })?;
            m.set_nonblocking(true)?;
            Some(m)
        } else {
            None
        };
        let known = Time::now();
        let rules = Arc::new(read()?);
        let first = Update { rules, read: Time::now(), known, changes: Vec::new(), lost: false };
        let stop = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|e| Error::os("make", "an event descriptor", e))?;
        let stop = Arc::new(stop);
        let (out, updates) = sync_channel(WAITING);
        let heard = Arc::new(AtomicU32::new(first.rules.generation.unwrap_or(0)));
        let last = Arc::clone(&first.rules);
        let behind = Arc::new(AtomicU64::new(0));
        let worker = Worker {
            monitor,
            stop: Arc::clone(&stop),
            out,
            last,
            heard: Arc::clone(&heard),
            transaction: Transaction::default(),
            behind: Arc::clone(&behind),
            idle: known,
        };
        let thread = thread::Builder::new()
            .name("ruleset".into())
            .spawn(move || worker.run())
            .map_err(|e| Error::os("start", "the thread that follows the ruleset", e))?;
        Ok((Self { updates, heard, behind, stop, thread: Some(thread) }, first))
    }

    /// The updates that are there.
    pub fn updates(&self) -> impl Iterator<Item = Update> {
        self.updates.try_iter()
    }

    /// Waits for the next update. None: following has ended, for a reason that was logged.
    pub fn wait(&self) -> Option<Update> {
        self.updates.recv().ok()
    }

    /// May a packet that passed at that time have met a ruleset that is only being read?
    pub fn is_behind(&self, when: Time) -> bool {
        let behind = self.behind.load(Ordering::Acquire);
        behind != 0 && when.0 >= behind
    }

    /// Has everything up to that generation been dealt with?
    pub fn has_heard(&self, generation: u32) -> bool {
        self.heard.load(Ordering::Acquire) == generation
    }

    /// Waits until everything up to that generation has been dealt with, and returns the next update if there is one.
    pub fn catch_up(&self, generation: u32, deadline: Duration) -> Option<Update> {
        let until = Instant::now() + deadline;
        loop {
            // Asked before the queue is looked at: what is dealt with has been sent by then.
            let done = self.has_heard(generation) || Instant::now() >= until;
            match self.updates.recv_timeout(if done { Duration::ZERO } else { STEP }) {
                Ok(u) => return Some(u),
                Err(RecvTimeoutError::Timeout) if !done => {}
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.stop.write(1);
        // The worker may be waiting for room: let it go on, and end.
        while self.thread.as_ref().is_some_and(|t| !t.is_finished()) {
            if self.updates.recv_timeout(Duration::from_millis(10)) == Err(RecvTimeoutError::Disconnected) {
                break;
            }
        }
        if let Some(t) = self.thread.take() {
            let _ = t.join();
        }
    }
}

impl PartialEq for Update {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rules, &other.rules) && self.read == other.read
    }
}

struct Worker {
    monitor: Option<Monitor>,
    stop: Arc<EventFd>,
    out: SyncSender<Update>,
    last: Arc<Ruleset>,
    heard: Arc<AtomicU32>,
    transaction: Transaction,
    behind: Arc<AtomicU64>,
    /// When the queue of announcements was last known to be empty.
    idle: Time,
}

impl Worker {
    fn run(mut self) {
        let mut next_look = Instant::now() + LEGACY_INTERVAL;
        let mut unread = false;
        loop {
            let before = Time::now();
            let Some((stop, heard)) = self.wait(next_look) else { return };
            if stop {
                return;
            }
            // What woke us has just come, even if it took some time to wake us; what was there at once came while we were busy.
            let now = Time::now();
            let waited = now.0.saturating_sub(before.0) > AT_ONCE;
            let since = if waited { before.max(Time(now.0.saturating_sub(LATE))) } else { self.idle };
            if heard && self.behind.load(Ordering::Acquire) == 0 {
                self.behind.store(since.0, Ordering::Release);
            }
            if !heard && !self.transaction.has_begun() {
                self.idle = before;
            }
            let (changes, lost) = if heard { self.hear(since) } else { (Vec::new(), false) };
            let latest = changes.last().map(|c| c.change.generation);
            let look = Instant::now() >= next_look;
            if look {
                next_look = Instant::now() + LEGACY_INTERVAL;
            }
            let news = unread || lost || changes.iter().any(|c| c.matters);
            if !(news || look && self.changed_unannounced()) {
                self.dealt_with(latest);
                continue;
            }
            let whole = read();
            unread = whole.is_err();
            match whole {
                Ok(rules) => {
                    self.last = Arc::new(rules);
                    let rules = Arc::clone(&self.last);
                    let update = Update { rules, read: Time::now(), known: self.idle, changes, lost };
                    let read = self.last.generation;
                    if self.out.send(update).is_err() {
                        return;
                    }
                    self.dealt_with(latest.max(read));
                }
                // It is tried again at the next look.
                Err(e) => tracing::warn!("the ruleset changed and could not be read again: {e}"),
            }
        }
    }

    fn dealt_with(&self, generation: Option<u32>) {
        if let Some(g) = generation {
            self.heard.store(g, Ordering::Release);
        }
        if !self.transaction.has_begun() {
            self.behind.store(0, Ordering::Release);
        }
    }

    /// Waits for an announcement, the next look, or the end. None: waiting itself failed.
    fn wait(&self, until: Instant) -> Option<(bool, bool)> {
        use std::os::fd::AsFd;
        loop {
            let mut fds = vec![PollFd::new(self.stop.as_fd(), PollFlags::POLLIN)];
            fds.extend(self.monitor.as_ref().map(|m| PollFd::new(m.as_fd(), PollFlags::POLLIN)));
            let left = until.saturating_duration_since(Instant::now()).as_millis() + 1;
            let timeout = PollTimeout::try_from(i32::try_from(left).unwrap_or(i32::MAX)).unwrap_or(PollTimeout::MAX);
            match poll(&mut fds, timeout) {
                Ok(_) => {
                    let ready = |i: usize| fds.get(i).and_then(PollFd::revents).is_some_and(|r| !r.is_empty());
                    return Some((ready(0), ready(1)));
                }
                Err(nix::Error::EINTR) => {}
                Err(e) => {
                    tracing::error!("following the ruleset ended: poll: {e}");
                    return None;
                }
            }
        }
    }

    /// Takes all announcements that are there. The rest of a transaction may still be to come.
    fn hear(&mut self, since: Time) -> (Vec<Announced>, bool) {
        let (mut changes, mut lost) = (Vec::new(), false);
        let Some(monitor) = &mut self.monitor else { return (changes, lost) };
        let transaction = &mut self.transaction;
        loop {
            let asked = Time::now();
            match monitor.receive(|n| changes.extend(transaction.hear(n.event, since))) {
                Ok(Received::Notifications(_)) => {}
                Ok(Received::Nothing) => {
                    if !transaction.has_begun() {
                        self.idle = asked;
                    }
                    return (changes, lost);
                }
                Ok(Received::Lost | Received::Truncated) => {
                    transaction.lost();
                    lost = true;
                }
                Err(e) => {
                    tracing::error!("announcements of ruleset changes are no longer heard: {e}");
                    self.monitor = None;
                    return (changes, true);
                }
            }
        }
    }

    /// Has something changed that nobody announces: the rules of legacy tables (counters do not count), or what else is
    /// registered at the hooks?
    fn changed_unannounced(&self) -> bool {
        let mut now = Ruleset::default();
        now.read_legacy();
        let mut legacy = now.xt.iter().zip(&self.last.xt);
        let differ =
            |a: &xt::Table, b: &xt::Table| a.name() != b.name() || a.family() != b.family() || !a.same_rules(b);
        now.xt.len() != self.last.xt.len()
            || legacy.any(|(a, b)| differ(a, b))
            || self.registered().is_some_and(|now| now != self.last.registered)
    }

    /// What is registered now; none where that cannot be told.
    fn registered(&self) -> Option<Option<Registered>> {
        if !hook::is_present() {
            return Some(None);
        }
        let mut client = Client::open(Netlink::Netfilter).ok()?;
        self.last.registered_now(&mut client).ok()
    }
}

fn read() -> Result<Ruleset, Error> {
    let mut rules = Ruleset::read()?;
    rules.nft.retain(|t| !is_ours(t.def.name.as_bytes()));
    Ok(rules)
}
