//! All sources in one stream.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::batch::{Room, Sent};
use super::dropmon::{self, Dropped};
use super::loss::{Loss, Source};
use super::packet::LoggedPacket;
use super::pressure::Pressed;
use super::select::Selection;
use super::sink::Sink;
use super::stop::Stop;
use super::tap::{self, Tapped};
use super::trace::{Journey, reader, table};
use super::{legacy, logger, nflog};
use crate::filter::FilterError;
use crate::sys::ct::Conntrack;
use crate::sys::nflog::Listener;
use crate::sys::{self, Error};

/// What the stream brings.
#[derive(Debug)]
pub enum Event {
    /// A rule logged this packet.
    Packet(Box<LoggedPacket>),
    /// The rules that one traced packet met.
    Journey(Box<Journey>),
    /// The kernel dropped this packet.
    Dropped(Box<Dropped>),
    /// A device carried this frame.
    Tapped(Box<Tapped>),
    /// Evidence is missing from here on.
    Lost(Loss),
    /// A source has failed for good, or a group that was asked for later could not be bound.
    Failed(Source, Error),
}

/// What goes through the stream.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// One thing.
    Event(Event),
    /// Logged packets, from this one on.
    Packets(Sent, usize),
}

impl Parcel {
    /// The first event in it, taken out.
    fn next(&mut self) -> Option<Event> {
        let Self::Packets(sent, at) = self else { return None };
        let packet = sent.batch()?.owned(*at)?;
        *at += 1;
        Some(Event::Packet(Box::new(packet)))
    }
}

/// How many parcels may be under way.
const PARCELS: usize = 1 << 14;
/// What is missing where the drop monitor stands in for tracing (docs/drop-monitor.md: what it cannot see).
const UNTRACED: &str = "tracing, so that only what the drop monitor sees is told: neither listen queues that overflow, nor what \
                        takes packets of this host on their way out";

/// What to listen to.
#[derive(Debug, Clone)]
pub struct Config {
    /// NFLOG groups.
    pub groups: Vec<u16>,
    /// How packets are collected.
    pub nflog: sys::nflog::Config,
    /// Which packets are of interest.
    pub selection: Selection,
    /// Trace the packets of interest. Where the kernel cannot (before 5.12), and has its drop monitor, that one has to do.
    pub trace: Option<TraceConfig>,
    /// Have the kernel's drop monitor report, where there is one. It is started if it does not run.
    pub drop_monitor: bool,
    /// Have a packet socket tell what these devices carry. Begun after tracing: what is tapped is traced, where anything
    /// of netfilter sees it.
    pub tap: tap::Places,
    /// So many packets may wait to be taken out; what comes then is put together with what is like it, or lost, and
    /// counted in both cases.
    pub capacity: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            nflog: sys::nflog::Config::default(),
            selection: Selection::default(),
            trace: None,
            drop_monitor: false,
            tap: tap::Places::default(),
            capacity: 1 << 18,
        }
    }
}

/// How to trace.
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceConfig {
    /// Begin to trace at most so many packets a second at each place where tracing begins; none: all.
    pub rate: Option<u32>,
    /// The namespace goes when we go: what we change in it need not be put back after a kill.
    pub ephemeral: bool,
}

/// A part of the evidence that cannot be had here, while the rest goes on.
#[derive(Debug)]
pub struct Gap {
    /// What is missing.
    pub what: String,
    /// Why.
    pub why: Error,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The filter cannot be traced with.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The kernel refused, or the system.
    #[error(transparent)]
    Kernel(#[from] Error),
}

/// The stream of evidence of one network namespace. Dropping it stops the readers and undoes what they set up.
#[derive(Debug)]
pub struct Evidence {
    /// None only while it is dropped.
    events: Option<Receiver<Parcel>>,
    /// What is left of the parcel that was opened last.
    opened: RefCell<Option<Parcel>>,
    stop: Stop,
    wake: Arc<EventFd>,
    wanted: Sender<u16>,
    gaps: Vec<Gap>,
    trace_port: Option<u32>,
    traces_legacy: bool,
    monitors_drops: bool,
    taps: bool,
    /// The reader of traces, which has group 0, shall hand out its logged packets too.
    wants_group: Arc<AtomicBool>,
    readers: Vec<JoinHandle<()>>,
}

impl Evidence {
    /// Starts to listen in the calling thread's network namespace. When this returns, nothing that happens from then on is
    /// missed silently.
    ///
    /// What cannot be had while the rest can is in [`gaps`](Self::gaps), such as a group that somebody else holds.
    ///
    /// # Errors
    /// When nothing of what was asked for can be had.
    pub fn start(config: Config) -> Result<Self, StartError> {
        // Before anything of ours changes the same settings.
        logger::undo_leftover();
        let os = |e| Error::os("make", "an event descriptor", e);
        let stop = Stop::new().map_err(os)?;
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let wake = Arc::new(EventFd::from_flags(flags).map_err(|e| os(e.into()))?);
        let (events_in, events) = sync_channel(config.capacity.clamp(1, PARCELS));
        let (wanted, groups_in) = channel();
        let mut this = Self {
            events: Some(events),
            opened: RefCell::default(),
            stop,
            wake,
            wanted,
            gaps: Vec::new(),
            trace_port: None,
            traces_legacy: false,
            monitors_drops: false,
            taps: false,
            wants_group: Arc::default(),
            readers: Vec::new(),
        };

        let mut nflog = config.nflog;
        if nflog.conntrack && Conntrack::would_load() {
            // Asking for connections would load its module.
            tracing::info!("packets are logged without their connections: nf_conntrack_netlink is not loaded");
            nflog.conntrack = false;
        }
        let mut groups = config.groups;
        let mut untraced = None;
        if let Some(trace) = config.trace {
            let wants_group = this.wants_group.clone();
            wants_group.store(groups.contains(&legacy::GROUP), Ordering::Relaxed);
            let (selection, sink) = (config.selection.clone(), Sink::new(events_in.clone()));
            let gaps = &mut this.gaps;
            let stop = this.stop.clone();
            match reader::Reader::start(nflog, trace, selection, wants_group, sink, stop, gaps) {
                Ok(reader) => {
                    this.trace_port = reader.port();
                    this.traces_legacy = reader.has_group();
                    if this.traces_legacy {
                        groups.retain(|g| *g != legacy::GROUP);
                    }
                    this.spawn("trace", move || reader.run())?;
                }
                Err(StartError::Kernel(why)) if config.drop_monitor && table::is_too_old(&why) => untraced = Some(why),
                Err(e) => return Err(e),
            }
        }

        // Without a trace, every frame would look as if no hook had seen it.
        if !config.tap.is_empty() && untraced.is_none() {
            let (selection, sink) = (config.selection.clone(), Sink::new(events_in.clone()));
            match tap::Reader::open(config.tap, selection, sink, this.stop.clone()) {
                Ok(reader) => {
                    this.taps = true;
                    this.spawn("tap", move || reader.run())?;
                }
                Err(why) => this.gaps.push(Gap { what: "frames at devices".into(), why }),
            }
        }

        let mut listener = Listener::open(nflog)?;
        for group in groups {
            if let Err(why) = listener.bind(group) {
                this.gaps.push(Gap { what: format!("NFLOG group {group}"), why });
            }
        }
        let nothing = config.trace.is_none() && !this.gaps.is_empty() && listener.groups().next().is_none();
        if config.drop_monitor {
            this.monitor_drops(&config.selection, Sink::new(events_in.clone()))?;
        }
        if nothing && !this.monitors_drops {
            return Err(this.gaps.swap_remove(0).why.into());
        }
        if let Some(why) = untraced {
            if !this.monitors_drops {
                return Err(why.into());
            }
            this.gaps.push(Gap { what: UNTRACED.into(), why });
        }
        let reader = nflog::Reader {
            listener,
            selection: config.selection,
            sink: Sink::new(events_in),
            room: Room::new(config.capacity),
            pressed: Pressed::default(),
            stop: this.stop.clone(),
            wake: this.wake.clone(),
            wanted: groups_in,
        };
        this.spawn("nflog", move || reader.run())?;
        Ok(this)
    }

    /// The netlink port that owns our trace tables: changes of the ruleset that come from it are ours.
    pub fn trace_port(&self) -> Option<u32> {
        self.trace_port
    }

    /// Do the rules of the legacy tables leave records? Not without [`Config::trace`], nor when somebody else has group 0.
    pub fn traces_legacy(&self) -> bool {
        self.traces_legacy
    }

    /// Does the kernel's drop monitor report?
    pub fn monitors_drops(&self) -> bool {
        self.monitors_drops
    }

    /// Are frames at devices looked at?
    pub fn taps(&self) -> bool {
        self.taps
    }

    /// Not having the drop monitor is no failure: there is a gap then.
    fn monitor_drops(&mut self, selection: &Selection, sink: Sink) -> Result<(), Error> {
        let gap = |why: Error| Gap { what: "the kernel's drop monitor".into(), why };
        match dropmon::Reader::open(selection, sink, &self.stop) {
            Ok(dropmon::Opened::Reader(reader)) => {
                if reader.is_guest() {
                    tracing::info!("the drop monitor runs already: listening to it");
                }
                self.monitors_drops = true;
                self.spawn("drops", move || reader.run())?;
            }
            Ok(dropmon::Opened::None) => tracing::info!("{}", dropmon::MISSING),
            Ok(dropmon::Opened::Taken) => self.gaps.push(gap(dropmon::taken())),
            Err(e) if matches!(e.errno(), Some(nix::libc::EPERM | nix::libc::EACCES | nix::libc::ENOENT)) => {
                tracing::info!("the drop monitor: {e}");
            }
            Err(e) => self.gaps.push(gap(e)),
        }
        Ok(())
    }

    /// The next event. None when the stream has ended: after [`Stop::stop`], or when all sources failed.
    pub fn next(&self) -> Option<Event> {
        self.open(|| self.next_parcel().ok_or(RecvTimeoutError::Disconnected)).ok()
    }

    /// The next parcel, waiting for it.
    pub(crate) fn next_parcel(&self) -> Option<Parcel> {
        self.events.as_ref()?.recv().ok()
    }

    /// The next parcel, if it is there.
    pub(crate) fn try_parcel(&self) -> Option<Parcel> {
        self.events.as_ref()?.try_recv().ok()
    }

    /// The next parcel, if one comes in time.
    pub(crate) fn parcel_within(&self, timeout: Duration) -> Result<Parcel, RecvTimeoutError> {
        self.events.as_ref().ok_or(RecvTimeoutError::Disconnected)?.recv_timeout(timeout)
    }

    /// The first event of the opened parcel, or of the next that `more` gives.
    fn open(&self, more: impl Fn() -> Result<Parcel, RecvTimeoutError>) -> Result<Event, RecvTimeoutError> {
        let mut opened = self.opened.borrow_mut();
        loop {
            if let Some(event) = opened.as_mut().and_then(Parcel::next) {
                return Ok(event);
            }
            match more()? {
                Parcel::Event(event) => return Ok(event),
                packets => *opened = Some(packets),
            }
        }
    }

    /// The next event, if one comes in time.
    ///
    /// # Errors
    /// Whether the time is over or the stream.
    pub fn next_within(&self, timeout: Duration) -> Result<Event, RecvTimeoutError> {
        self.open(|| self.parcel_within(timeout))
    }

    /// What ends the stream.
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// When it was asked to stop, if it was.
    pub(crate) fn stopped_since(&self) -> Option<Instant> {
        self.stop.since()
    }

    /// What is left of the parcel that was opened last.
    pub(crate) fn opened_parcel(&self) -> Option<Parcel> {
        self.opened.take()
    }

    /// What cannot be had here.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Listens to one more group, because a rule names it now. If it cannot be bound, [`Event::Failed`] tells.
    pub fn follow(&self, group: u16) {
        if group == legacy::GROUP && self.traces_legacy {
            self.wants_group.store(true, Ordering::Relaxed);
            return;
        }
        // Refused only when the reader has ended, which the stream tells.
        let _ = self.wanted.send(group);
        let _ = self.wake.write(1);
    }

    /// A thread is in the namespace of the one that starts it.
    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let reader = thread::Builder::new().name(name.into()).spawn(run);
        self.readers.push(reader.map_err(|e| Error::os("start", "a reader thread", e))?);
        Ok(())
    }
}

impl Iterator for &Evidence {
    type Item = Event;
    fn next(&mut self) -> Option<Event> {
        Evidence::next(self)
    }
}

impl Drop for Evidence {
    fn drop(&mut self) {
        self.stop.stop();
        // A reader that waits for room gives up when nobody can make any.
        self.events = None;
        self.opened.take();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}
