//! The thread that reads the monitor.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Dropped;
use super::places::{Here, Places};
use crate::blame::Time;
use crate::evidence::Event;
use crate::evidence::logger::NOTES;
use crate::evidence::loss::{Loss, LossCause, Source};
use crate::evidence::select::Selection;
use crate::evidence::sink::Sink;
use crate::evidence::stop::{Stop, wait};
use crate::sys::dropmon::{Config, Control, Family, Listener, Received, Session, Started};
use crate::sys::dropmon::{find, initial_namespace};
use crate::sys::ns::NetNs;
use crate::sys::{Error, Result};

/// Room for a burst of some ten thousand packets.
const RECEIVE_BUFFER: usize = 16 << 20;
/// How often losses are asked for, and whether somebody else's monitor still runs.
const TICK: Duration = Duration::from_secs(1);
/// So many reads before the word to stop is listened for.
const AT_ONCE: usize = 64;

/// Reads until it is told to stop. Runs on its own thread, in the namespace that is watched.
#[derive(Debug)]
pub(in crate::evidence) struct Reader {
    initial: NetNs,
    family: Family,
    listener: Listener,
    control: Control,
    /// None: somebody else's monitor runs, and we listen to it.
    session: Option<Session>,
    lost: u64,
    places: Places,
    selection: Selection,
    sink: Sink,
    stop: Stop,
}

/// Whether there is a monitor to read.
pub(in crate::evidence) enum Opened {
    /// Yes.
    Reader(Box<Reader>),
    /// This kernel has none now, or not for us.
    None,
    /// Somebody else uses it in a way that is of no use to us.
    Taken,
}

impl Reader {
    /// Starts the monitor, or joins one that reports each packet already.
    pub(in crate::evidence) fn open(selection: &Selection, sink: Sink, stop: &Stop) -> Result<Opened> {
        let initial = initial_namespace()?;
        let opened = initial.run(|| -> Result<_> {
            let Some(family) = find()? else { return Ok(None) };
            let mut control = Control::open(family)?;
            let lost = control.lost()?;
            let (session, config) = match Session::start(family, Path::new(NOTES))? {
                Started::Session(s) => (Some(s), Config::OURS),
                Started::Occupied(by) => match by.reports() {
                    Some(config) => (None, config),
                    None => return Ok(Some(None)),
                },
            };
            let listener = Listener::open(family, config, RECEIVE_BUFFER)?;
            Ok(Some(Some((family, listener, control, session, lost))))
        })??;
        let (family, listener, control, session, lost) = match opened {
            None => return Ok(Opened::None),
            Some(None) => return Ok(Opened::Taken),
            Some(Some(parts)) => parts,
        };
        let mut places = Places::default();
        places.read_links();
        let (selection, stop) = (selection.clone(), stop.clone());
        Ok(Opened::Reader(Box::new(Self {
            initial,
            family,
            listener,
            control,
            session,
            lost,
            places,
            selection,
            sink,
            stop,
        })))
    }

    /// Is the monitor somebody else's, who may end it?
    pub(in crate::evidence) fn is_guest(&self) -> bool {
        self.session.is_none()
    }

    pub(in crate::evidence) fn run(mut self) {
        if let Err(e) = self.read_until_stopped() {
            self.sink.put_surely(Event::Failed(Source::DropMonitor, e));
        }
        self.sink.settle();
    }

    fn read_until_stopped(&mut self) -> Result<()> {
        // An idle monitor is not asked for losses; one that may end is looked after.
        let mut tick = None;
        loop {
            if self.is_guest() {
                tick = tick.or_else(|| Some(Instant::now() + TICK));
            }
            let [readable, stopped] = wait([self.listener.as_fd(), self.stop.as_fd()], tick)
                .map_err(|e| Error::os("wait for", "dropped packets", e))?;
            if readable {
                self.drain(AT_ONCE)?;
                tick = tick.or_else(|| Some(Instant::now() + TICK));
            }
            if stopped || self.sink.is_closed() {
                // What is in the kernel's queues goes with the monitor; what is in the socket stays.
                self.session = None;
                self.drain(usize::MAX)?;
                return self.count_losses();
            }
            if tick.is_some_and(|at| at <= Instant::now()) {
                tick = None;
                self.count_losses()?;
                self.take_over();
            }
        }
    }

    fn drain(&mut self, reads: usize) -> Result<()> {
        let Self { listener, places, selection, sink, .. } = self;
        let lost = |count, cause| Loss { source: Source::DropMonitor, count, cause };
        for _ in 0..reads {
            let now = Time::now();
            let more = listener.receive(|r| match r {
                Received::Alert(a) => {
                    let here = places.place(a);
                    if here == Here::Not {
                        return;
                    }
                    let dropped = Dropped::new(a, places.hardware(a.iif), here, now);
                    if selection.takes_dropped(&dropped) {
                        sink.put(Source::DropMonitor, Event::Dropped(Box::new(dropped)));
                    }
                }
                Received::Overrun => sink.lost(lost(None, LossCause::NoBuffers)),
                Received::Unreadable { truncated: true } => sink.lost(lost(Some(1), LossCause::Truncated)),
                Received::Unreadable { truncated: false } => sink.lost(lost(Some(1), LossCause::Malformed)),
            })?;
            if !more || sink.is_closed() {
                break;
            }
        }
        Ok(())
    }

    /// Tells of what did not fit into the kernel's queues. It is not known of which namespace it was.
    fn count_losses(&mut self) -> Result<()> {
        let now = self.control.lost()?;
        let new = now.saturating_sub(self.lost);
        self.lost = now;
        if new > 0 {
            self.sink.lost(Loss { source: Source::DropMonitor, count: Some(new), cause: LossCause::KernelQueue });
        }
        Ok(())
    }

    /// Starts the monitor as ours where whoever started it has ended it.
    fn take_over(&mut self) {
        if !self.is_guest() {
            return;
        }
        let family = self.family;
        let started = self.initial.run(|| match Session::start(family, Path::new(NOTES))? {
            Started::Session(s) => Ok(Some((s, Listener::open(family, Config::OURS, RECEIVE_BUFFER)?))),
            Started::Occupied(_) => Ok::<_, Error>(None),
        });
        match started {
            Ok(Ok(Some((session, listener)))) => (self.session, self.listener) = (Some(session), listener),
            Ok(Ok(None)) => {}
            Ok(Err(e)) | Err(e) => tracing::debug!("take over the drop monitor: {e}"),
        }
    }
}
