//! The reader of NFLOG groups.

use std::os::fd::AsFd;
use std::sync::mpsc::Receiver;

use super::Event;
use super::legacy::{self, LegacyTrace};
use super::loss::Source;
use super::packet::LoggedPacket;
use super::select::Selection;
use super::sink::Sink;
use super::stop::{Stop, wait};
use crate::blame::Time;
use crate::sys::Result;
use crate::sys::nflog::{Listener, Received};

/// Reads until it is told to stop. Runs on its own thread, in the namespace.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) listener: Listener,
    pub(super) selection: Selection,
    pub(super) sink: Sink,
    pub(super) stop: Stop,
    /// Readable when a group is to be bound.
    pub(super) wake: std::sync::Arc<nix::sys::eventfd::EventFd>,
    /// The groups that are to be bound.
    pub(super) wanted: Receiver<u16>,
}

impl Reader {
    pub(super) fn run(mut self) {
        if let Err(e) = self.read_until_stopped() {
            self.sink.put_surely(Event::Failed(Source::Nflog, e));
        }
        self.sink.settle();
    }

    fn read_until_stopped(&mut self) -> Result<()> {
        loop {
            let [readable, stopped, woken] = wait([self.listener.as_fd(), self.stop.as_fd(), self.wake.as_fd()], None)
                .map_err(|e| crate::sys::Error::os("wait for", "NFLOG packets", e))?;
            if readable {
                drain(&mut self.listener, &self.selection, &mut self.sink, AT_ONCE)?;
            }
            if stopped || self.sink.is_closed() {
                // Giving a group back makes the kernel send what it still collects.
                for group in self.listener.groups().collect::<Vec<_>>() {
                    let _ = self.listener.unbind(group);
                }
                drain(&mut self.listener, &self.selection, &mut self.sink, usize::MAX)?;
                if let Some(lost) = self.listener.unaccounted() {
                    self.sink.lost(lost.into());
                }
                return Ok(());
            }
            if woken {
                let _ = self.wake.read();
                for group in self.wanted.try_iter() {
                    if let Err(e) = self.listener.bind(group) {
                        self.sink.put_surely(Event::Failed(Source::Group(group), e));
                    }
                }
            }
        }
    }
}

/// So many reads before the word to stop is listened for, however fast packets come.
const AT_ONCE: usize = 64;

/// Hands out the packets that are there, in at most so many reads.
fn drain(listener: &mut Listener, selection: &Selection, sink: &mut Sink, reads: usize) -> Result<()> {
    for _ in 0..reads {
        let received = Time::now();
        let more = listener.receive(|r| match r {
            Received::Packet(p) if selection.takes(p) => {
                let packet = LoggedPacket::new(p, received);
                // In group 0 there may be TRACE records of someone else: nobody logged those packets.
                let packet = if packet.group == legacy::GROUP {
                    LegacyTrace::from_packet(packet).err()
                } else {
                    Some(Box::new(packet))
                };
                if let Some(packet) = packet {
                    sink.put(Source::Group(p.group), Event::Packet(packet));
                }
            }
            Received::Packet(_) => {}
            Received::Lost(lost) => sink.lost(lost.into()),
        })?;
        if !more || sink.is_closed() {
            break;
        }
    }
    Ok(())
}
