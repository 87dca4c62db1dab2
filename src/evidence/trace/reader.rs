//! The reader of trace records, of nf_tables and of the legacy tables.

use std::os::fd::AsFd;

use super::join::{Joiner, Now};
use super::table::Table;
use crate::evidence::legacy::{self, LegacyTrace};
use crate::evidence::logger::Takeover;
use crate::evidence::loss::{Loss, LossCause, Source};
use crate::evidence::packet::LoggedPacket;
use crate::evidence::select::Selection;
use crate::evidence::sink::Sink;
use crate::evidence::stop::{Stop, wait};
use crate::evidence::stream::{Event, Gap, LEGACY_TRACE, StartError, TraceConfig};
use crate::sys::nflog::{self, Listener};
use crate::sys::nft::monitor::{self, Monitor, Received};
use crate::sys::{Error, Result};

/// So many datagrams of one kind before the other kind gets its turn.
const AT_ONCE: usize = 1024;

/// Reads until it is told to stop. Runs on its own thread, in the namespace.
#[derive(Debug)]
pub(in crate::evidence) struct Reader {
    joiner: Joiner,
    monitor: Monitor,
    /// Group 0, where the kernel logs TRACE records of legacy tables; none if somebody else has it.
    legacy: Option<Legacy>,
    /// None only when we stop.
    table: Option<Table>,
    selection: Selection,
    /// Logged packets of group 0 are wanted, not only TRACE records.
    wants_group: bool,
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
        wants_group: bool,
        sink: Sink,
        stop: Stop,
        gaps: &mut Vec<Gap>,
    ) -> Result<Self, StartError> {
        let monitor = Monitor::open(monitor::Interest { changes: false, trace: true })?;
        monitor.set_nonblocking(true)?;
        let legacy = match Legacy::start(config, trace) {
            Ok(legacy) => Some(legacy),
            Err(why) => {
                gaps.push(Gap { what: LEGACY_TRACE.into(), why });
                None
            }
        };
        // Last, so that no record is sent before somebody listens.
        let table = Table::install(&selection, trace.rate, gaps)?;
        let joiner = Joiner::new(table.name().clone());
        Ok(Self { joiner, monitor, legacy, table: Some(table), selection, wants_group, sink, stop })
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
            self.round()?;
            if stopped {
                if let Some(lost) = self.legacy.as_mut().and_then(|l| l.listener.unaccounted()) {
                    self.sink.lost(Loss { source: Source::LegacyTrace, ..lost.into() });
                }
                let Self { joiner, selection, sink, .. } = self;
                joiner.finish(Now::read(), |j| hand_out(j, selection, sink));
                return Ok(());
            }
        }
    }

    /// Reads what is there: first what nf_tables says, then what the legacy tables say. The kernel queued both in the order of
    /// the packets, so whatever belongs to a packet whose end was read in the first is read in the second.
    fn round(&mut self) -> Result<()> {
        self.read_nft()?;
        let drained = self.read_legacy()?;
        let now = Now::read();
        let refused = self.joiner.take_refused();
        if refused > 0 {
            self.sink.lost(Loss { source: Source::Trace, count: Some(refused), cause: LossCause::TooMany });
        }
        if drained {
            let Self { joiner, selection, sink, .. } = self;
            joiner.settle(now, |j| hand_out(j, selection, sink));
        }
        Ok(())
    }

    fn read_nft(&mut self) -> Result<()> {
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
                self.sink.lost(lost(Some(malformed), LossCause::Malformed));
            }
            match received {
                Received::Notifications(_) => {}
                Received::Nothing => break,
                Received::Lost => {
                    self.joiner.overrun();
                    self.sink.lost(lost(None, LossCause::NoBuffers));
                }
                Received::Truncated => {
                    self.joiner.overrun();
                    self.sink.lost(lost(None, LossCause::Truncated));
                }
            }
        }
        Ok(())
    }

    /// Returns whether nothing is left to be read.
    fn read_legacy(&mut self) -> Result<bool> {
        let Some(legacy) = &mut self.legacy else { return Ok(true) };
        for _ in 0..AT_ONCE {
            let now = Now::read();
            let Self { joiner, sink, selection, wants_group, .. } = self;
            let more = legacy.listener.receive(|r| match r {
                nflog::Received::Packet(p) => match LegacyTrace::from_packet(LoggedPacket::new(p, now.time)) {
                    Ok(trace) => joiner.legacy(trace, now),
                    Err(packet) if *wants_group && selection.takes(p) => {
                        sink.put(Source::Group(legacy::GROUP), Event::Packet(packet));
                    }
                    Err(_) => {}
                },
                nflog::Received::Lost(lost) => {
                    joiner.overrun();
                    sink.lost(Loss { source: Source::LegacyTrace, ..lost.into() });
                }
            })?;
            if !more {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn hand_out(journey: super::Journey, selection: &Selection, sink: &mut Sink) {
    if selection.takes_journey(&journey) {
        sink.put(Source::Trace, Event::Journey(Box::new(journey)));
    }
}
