//! The reader of NFLOG groups.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::Event;
use super::batch::{Batch, Room};
use super::legacy;
use super::loss::{Loss, LossCause, Source};
use super::pressure::Pressed;
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
    pub(super) room: Arc<Room>,
    pub(super) pressed: Pressed,
    pub(super) stop: Stop,
    /// Readable when a group is to be bound.
    pub(super) wake: Arc<nix::sys::eventfd::EventFd>,
    /// The groups that are to be bound.
    pub(super) wanted: Receiver<u16>,
}

/// So many reads before the word to stop is listened for, however fast packets come.
const AT_ONCE: usize = 64;

/// How often room is looked for while packets wait for it.
const PRESSED: Duration = Duration::from_millis(2);

impl Reader {
    pub(super) fn run(mut self) {
        if let Err(e) = self.read_until_stopped() {
            self.sink.put_surely(Event::Failed(Source::Nflog, e));
        }
        self.pressed.send(|batch| {
            self.sink.batch_surely(batch);
            Ok(())
        });
        self.sink.settle();
    }

    fn read_until_stopped(&mut self) -> Result<()> {
        loop {
            let fds = [self.listener.as_fd(), self.stop.as_fd(), self.wake.as_fd()];
            let deadline = (!self.pressed.is_empty()).then(|| Instant::now() + PRESSED);
            let [readable, stopped, woken] =
                wait(fds, deadline).map_err(|e| crate::sys::Error::os("wait for", "NFLOG packets", e))?;
            if readable {
                self.drain(AT_ONCE)?;
            }
            self.pressed.send(|batch| self.sink.try_batch(batch));
            if stopped || self.sink.is_closed() {
                // Giving a group back makes the kernel send what it still collects.
                for group in self.listener.groups().collect::<Vec<_>>() {
                    let _ = self.listener.unbind(group);
                }
                self.drain(usize::MAX)?;
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

    /// Hands out the packets that are there, in at most so many reads.
    fn drain(&mut self, reads: usize) -> Result<()> {
        let Self { listener, selection, sink, room, pressed, .. } = self;
        for _ in 0..reads {
            let received = Time::now();
            let mut batch = room.batch(received);
            let more = listener.receive(|r| match r {
                // In group 0 there may be TRACE records of someone else: nobody logged those packets.
                Received::Packet(p) if selection.takes(p) && !legacy::is_record(p) => batch.push(p),
                Received::Packet(_) => {}
                Received::Lost(lost) => {
                    // It stands where it happened.
                    hand_over(std::mem::replace(&mut batch, room.batch(received)), sink, room, pressed);
                    sink.lost(lost.into());
                }
            })?;
            hand_over(batch, sink, room, pressed);
            if !more || sink.is_closed() {
                break;
            }
        }
        Ok(())
    }
}

/// Sends packets; where there is no room, they are counted with those like them until there is.
fn hand_over(batch: Batch, sink: &mut Sink, room: &Arc<Room>, pressed: &mut Pressed) {
    if batch.len() == 0 {
        return;
    }
    pressed.send(|waiting| sink.try_batch(waiting));
    let batch = match pressed.is_empty() {
        true => match sink.try_batch(batch) {
            Ok(()) => return,
            Err(batch) => batch,
        },
        false => batch,
    };
    let mut at = 0;
    while let Some((p, _)) = batch.get(at) {
        if !pressed.add(room, &batch, &p) {
            sink.lost(Loss { source: Source::Group(p.group), count: Some(1), cause: LossCause::RingOverflow });
        }
        at += 1;
    }
}
