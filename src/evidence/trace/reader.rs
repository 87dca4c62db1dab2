//! The reader of trace records, of nf_tables and of the legacy tables.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::join::{Joiner, Now};
use super::table::{Addresses, Table};
use crate::evidence::legacy::{self, LegacyTrace};
use crate::evidence::logger::Takeover;
use crate::evidence::loss::{Loss, LossCause, Source};
use crate::evidence::packet::LoggedPacket;
use crate::evidence::select::Selection;
use crate::evidence::sink::Sink;
use crate::evidence::stop::{Stop, wait};
use crate::evidence::stream::{Event, Gap, StartError, TraceConfig};
use crate::sys::nflog::{self, Listener};
use crate::sys::nft::monitor::{self, Monitor, Received};
use crate::sys::{Error, Result};

/// So many datagrams of one kind before the other kind gets its turn.
const AT_ONCE: usize = 1024;

/// So many turns to read what is left when we stop.
const LAST_ROUNDS: usize = 1000;
/// A packet leaves about ten records, each of which takes a kilobyte of kernel memory.
const RECEIVE_BUFFER: usize = 64 << 20;
/// No record takes less of it.
const LEAST_RECORD: usize = 768;

/// Reads until it is told to stop. Runs on its own thread, in the namespace.
#[derive(Debug)]
pub(in crate::evidence) struct Reader {
    joiner: Joiner,
    monitor: Monitor,
    /// Group 0, where the kernel logs TRACE records of legacy tables; none if somebody else has it.
    legacy: Option<Legacy>,
    /// None only when we stop.
    table: Option<Table>,
    addresses: Addresses,
    /// The most records that the socket of nf_tables can hold.
    room: usize,
    /// That socket has lost records, behind at most so many that are still to be read.
    overrun: Option<usize>,
    selection: Selection,
    /// Logged packets of group 0 are wanted, not only TRACE records.
    wants_group: Arc<AtomicBool>,
    sink: Sink,
    stop: Stop,
}

/// The field order matters: the logger is put back while group 0 is still ours.
#[derive(Debug)]
struct Legacy {
    _takeover: Takeover,
    listener: Listener,
}

impl Legacy {
    fn start(config: nflog::Config, trace: TraceConfig) -> Result<Self> {
        let mut listener = Listener::open(config)?;
        // Having group 0 first means that no other of us has taken the logger over.
        listener.bind(legacy::GROUP)?;
        let takeover = if trace.ephemeral { Takeover::begin_ephemeral() } else { Takeover::begin() }?;
        Ok(Self { _takeover: takeover, listener })
    }
}

impl Reader {
    /// Opens everything and switches tracing on, in the calling thread's namespace.
    pub(in crate::evidence) fn start(
        config: nflog::Config,
        trace: TraceConfig,
        selection: Selection,
        wants_group: Arc<AtomicBool>,
        sink: Sink,
        stop: Stop,
        gaps: &mut Vec<Gap>,
    ) -> Result<Self, StartError> {
        let monitor = Monitor::open(monitor::Interest { changes: false, trace: true })?;
        monitor.set_nonblocking(true)?;
        // A refusal only means that losses come sooner.
        let room = monitor.set_receive_buffer(RECEIVE_BUFFER).map_or(usize::MAX, |size| size / LEAST_RECORD);
        let legacy = match Legacy::start(config, trace) {
            Ok(legacy) => Some(legacy),
            Err(why) => {
                gaps.push(Gap { what: "tracing in the legacy tables".into(), why });
                None
            }
        };
        // Last, so that no record is sent before somebody listens.
        let table = Table::install(&selection, trace.rate, gaps)?;
        let joiner = Joiner::new(table.name().clone());
        let addresses = table.addresses().clone();
        Ok(Self {
            joiner,
            monitor,
            legacy,
            table: Some(table),
            addresses,
            room,
            overrun: None,
            selection,
            wants_group,
            sink,
            stop,
        })
    }

    /// The netlink port that owns our tables.
    pub(in crate::evidence) fn port(&self) -> Option<u32> {
        self.table.as_ref().map(Table::port)
    }

    /// Is group 0 ours?
    pub(in crate::evidence) fn has_group(&self) -> bool {
        self.legacy.is_some()
    }

    pub(in crate::evidence) fn run(mut self) {
        if let Err(e) = self.read_until_stopped() {
            self.sink.put_surely(Event::Failed(Source::Trace, e));
        }
        self.sink.settle();
    }

    fn read_until_stopped(&mut self) -> Result<()> {
        loop {
            let legacy = self.legacy.as_ref().map_or(self.stop.as_fd(), |l| l.listener.as_fd());
            let [_, _, stopped] = wait([self.monitor.as_fd(), legacy, self.stop.as_fd()], self.joiner.next_alarm())
                .map_err(|e| Error::os("wait for", "trace records", e))?;
            let stopped = stopped || self.sink.is_closed();
            if stopped {
                self.table = None; // no packet is traced from here on
            }
            let mut drained = self.round()?;
            if stopped {
                // Others may trace too, without end.
                for _ in 0..LAST_ROUNDS {
                    if drained {
                        break;
                    }
                    drained = self.round()?;
                }
                if let Some(lost) = self.legacy.as_mut().and_then(|l| l.listener.unaccounted()) {
                    self.sink.lost(Loss { source: Source::LegacyTrace, ..lost.into() });
                }
                self.behind_the_gap();
                let Self { joiner, selection, addresses, sink, .. } = self;
                joiner.finish(|j| hand_out(j, selection, addresses, sink));
                return Ok(());
            }
        }
    }

    /// Reads what is there: first what nf_tables says, then what the legacy tables say. The kernel queued both in the order of
    /// the packets, so whatever belongs to a packet whose end was read in the first is read in the second. Returns
    /// whether nothing is left.
    fn round(&mut self) -> Result<bool> {
        // What was queued until now will have been read when nothing is left, however long we stand still meanwhile.
        let begun = Now::read();
        let nft_drained = self.read_nft()?;
        let legacy = self.read_legacy(nft_drained)?;
        let refused = self.joiner.take_refused();
        if refused > 0 {
            self.sink.lost(Loss { source: Source::Trace, count: Some(refused), cause: LossCause::TooMany });
        }
        let drained = nft_drained && legacy == Read::Empty;
        if drained {
            self.joiner.give_up(begun);
        }
        if legacy != Read::More {
            let Self { joiner, selection, addresses, sink, .. } = self;
            joiner.settle(|j| hand_out(j, selection, addresses, sink));
        }
        Ok(drained)
    }

    /// Returns whether nothing is left to be read.
    fn read_nft(&mut self) -> Result<bool> {
        for _ in 0..AT_ONCE {
            let now = Now::read();
            let (joiner, mut malformed) = (&mut self.joiner, 0);
            let received = self.monitor.receive(|n| match n.event {
                monitor::Event::Trace(t) => joiner.nft(*t, now),
                monitor::Event::Unknown { .. } => malformed += 1,
                _ => {}
            })?;
            let lost = |count, cause| Loss { source: Source::Trace, count, cause };
            if malformed > 0 {
                self.joiner.lost_nft();
                self.sink.lost(lost(Some(malformed), LossCause::Malformed));
            }
            match received {
                Received::Notifications(n) => match &mut self.overrun {
                    Some(0) => self.behind_the_gap(),
                    Some(left) => *left = left.saturating_sub(n),
                    None => {}
                },
                Received::Nothing => {
                    self.behind_the_gap();
                    return Ok(true);
                }
                // The socket tells at once, but takes no more records until the ones before have been read. Where those end
                // is not seen when others follow at once.
                Received::Lost => {
                    self.behind_the_gap();
                    self.overrun = Some(self.room);
                    self.joiner.gap_ahead(true);
                }
                Received::Truncated => {
                    self.joiner.lost_nft();
                    self.sink.lost(lost(None, LossCause::Truncated));
                }
            }
        }
        Ok(false)
    }

    /// If records were lost, that was before the next one.
    fn behind_the_gap(&mut self) {
        if self.overrun.take().is_some() {
            self.joiner.gap_ahead(false);
            self.sink.lost(Loss { source: Source::Trace, count: None, cause: LossCause::NoBuffers });
        }
    }

    /// Reads until nothing is left, or something of a packet that nf_tables has not told of yet, while it has more to tell.
    fn read_legacy(&mut self, nft_drained: bool) -> Result<Read> {
        let Some(legacy) = &mut self.legacy else { return Ok(Read::Empty) };
        for _ in 0..AT_ONCE {
            let now = Now::read();
            let mut ahead = false;
            let Self { joiner, sink, selection, wants_group, .. } = self;
            let more = legacy.listener.receive(|r| match r {
                nflog::Received::Packet(p) => match LegacyTrace::from_packet(LoggedPacket::new(p, now.time)) {
                    Ok(trace) => ahead |= !joiner.legacy(trace, now),
                    Err(packet) if wants_group.load(Ordering::Relaxed) && selection.takes(p) => {
                        sink.put(Source::Group(legacy::GROUP), Event::Packet(packet));
                    }
                    Err(_) => {}
                },
                nflog::Received::Lost(lost) => {
                    joiner.lost_legacy();
                    sink.lost(Loss { source: Source::LegacyTrace, ..lost.into() });
                }
            })?;
            if !more {
                if legacy.listener.is_overrun() {
                    joiner.lost_legacy(); // and the gap is still to come
                }
                return Ok(Read::Empty);
            }
            if ahead && !nft_drained {
                return Ok(Read::Ahead);
            }
        }
        Ok(Read::More)
    }
}

/// How far the legacy tables' records were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    /// None is left.
    Empty,
    /// As far as those of nf_tables.
    Ahead,
    /// Neither.
    More,
}

fn hand_out(journey: super::Journey, selection: &Selection, addresses: &Addresses, sink: &mut Sink) {
    // What a device hears of others' traffic is not dropped: it was never meant for this host.
    if selection.takes_journey(&journey) && !journey.is_for_others(addresses) {
        sink.put(Source::Trace, Event::Journey(Box::new(journey)));
    }
}
