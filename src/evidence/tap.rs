//! Frames at devices, for what no hook of netfilter sees: programs that take a packet before the first hook or behind the last.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use super::Event;
use super::loss::{Loss, LossCause, Source};
use super::select::Selection;
use super::sink::Sink;
use super::stop::{Stop, wait};
use crate::blame::Time;
use crate::evaluate::headers::Network;
use crate::filter::Subject;
use crate::sys::tap::{Listener, Way};
use crate::sys::{Error, Result};

/// Headers, and what an ICMP error quotes.
const ROOM: usize = 256;
/// How often losses are asked for.
const TICK: Duration = Duration::from_secs(1);
/// So many reads before the word to stop is listened for.
const AT_ONCE: usize = 64;

/// The devices whose frames are looked at.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Coming in.
    pub incoming: FxHashSet<u32>,
    /// Going out.
    pub outgoing: FxHashSet<u32>,
}

impl Places {
    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.incoming.is_empty() && self.outgoing.is_empty()
    }
}

/// A frame that a device carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tapped {
    /// The device.
    pub index: u32,
    /// Did it go out?
    pub out: bool,
    /// The network layer protocol.
    pub network: Network,
    /// From the network header on, as far as it was kept.
    pub payload: Box<[u8]>,
    /// When it was read.
    pub received: Time,
}

/// Reads until it is told to stop. Runs on its own thread, in the namespace.
#[derive(Debug)]
pub(super) struct Reader {
    listener: Listener,
    places: Places,
    selection: Selection,
    sink: Sink,
    stop: Stop,
}

impl Reader {
    /// Begins to listen in the calling thread's network namespace.
    pub fn open(places: Places, selection: Selection, sink: Sink, stop: Stop) -> Result<Self> {
        Ok(Self { listener: Listener::open(ROOM)?, places, selection, sink, stop })
    }

    pub fn run(mut self) {
        if let Err(e) = self.read_until_stopped() {
            self.sink.put_surely(Event::Failed(Source::Tap, e));
        }
        self.sink.settle();
    }

    fn read_until_stopped(&mut self) -> Result<()> {
        let mut tick = Instant::now() + TICK;
        loop {
            let [readable, stopped] = wait([self.listener.as_fd(), self.stop.as_fd()], Some(tick))
                .map_err(|e| Error::os("wait for", "frames", e))?;
            if readable {
                self.drain()?;
            }
            if stopped || tick <= Instant::now() {
                tick = Instant::now() + TICK;
                let lost = self.listener.lost()?;
                if lost > 0 {
                    self.sink.lost(Loss { source: Source::Tap, count: Some(lost), cause: LossCause::NoBuffers });
                }
            }
            // What comes in from here on is traced no more, so that it is not read either.
            if stopped || self.sink.is_closed() {
                return Ok(());
            }
        }
    }

    fn drain(&mut self) -> Result<()> {
        let Self { listener, places, selection, sink, .. } = self;
        for _ in 0..AT_ONCE {
            let received = Time::now();
            let more = listener.receive(|f| {
                let out = f.way == Way::Out;
                let here = if out { &places.outgoing } else { &places.incoming };
                let network = Network::from_ethertype(f.protocol);
                if f.way == Way::Other
                    || !here.contains(&f.index)
                    || selection.interface.is_some_and(|i| i != f.index)
                    || !matches!(network, Network::Ip4 | Network::Ip6)
                {
                    return;
                }
                // A packet that is sent may have been translated since it was chosen.
                let subject = Subject::new(network, f.bytes);
                if !out && selection.filter.as_ref().is_some_and(|s| s.matches(&subject) != Some(true)) {
                    return;
                }
                let payload = f.bytes.into();
                let tapped = Tapped { index: f.index, out, network, payload, received };
                sink.put(Source::Tap, Event::Tapped(Box::new(tapped)));
            })?;
            if !more || sink.is_closed() {
                break;
            }
        }
        Ok(())
    }
}
