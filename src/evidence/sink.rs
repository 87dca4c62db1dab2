//! The reader's end of the stream: bounded, never waiting, counting what does not fit.

use std::collections::BTreeMap;
use std::sync::mpsc::{SyncSender, TrySendError};

use super::Event;
use super::batch::{Batch, Sent};
use super::loss::{Loss, LossCause, Source};
use super::stream::Parcel;

/// Where a reader puts its events.
#[derive(Debug)]
pub(super) struct Sink {
    stream: SyncSender<Parcel>,
    /// Losses that are not in the stream yet, the stream being full. None: the count is a lower bound.
    owed: BTreeMap<(Source, LossCause), (u64, bool)>,
    /// Nobody takes events any more.
    closed: bool,
}

impl Sink {
    pub(super) fn new(stream: SyncSender<Parcel>) -> Self {
        Self { stream, owed: BTreeMap::new(), closed: false }
    }

    /// Has the other end gone?
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Puts an event of that source into the stream; if the stream is full, it is lost, and counted.
    pub(super) fn put(&mut self, source: Source, event: Event) {
        self.pay();
        // What is owed comes first, so that a loss stands where it happened.
        if !self.owed.is_empty() || !self.offer(event) {
            self.owe(Loss { source, count: Some(1), cause: LossCause::RingOverflow });
        }
    }

    /// Tries to put logged packets into the stream; gives them back if there is no room.
    pub(super) fn try_batch(&mut self, batch: Batch) -> Result<(), Batch> {
        self.pay();
        if !self.owed.is_empty() || !batch.has_room() {
            return Err(batch);
        }
        match self.stream.try_send(Parcel::Packets(Sent::new(batch), 0)) {
            Err(TrySendError::Full(Parcel::Packets(sent, _))) => sent.into_batch().map_or(Ok(()), Err),
            Err(TrySendError::Disconnected(_)) => {
                self.closed = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Puts logged packets into the stream, waiting for room.
    pub(super) fn batch_surely(&mut self, batch: Batch) {
        self.settle();
        self.closed |= self.stream.send(Parcel::Packets(Sent::new(batch), 0)).is_err();
    }

    /// Tells of a loss. It is not lost itself.
    pub(super) fn lost(&mut self, loss: Loss) {
        self.owe(loss);
        self.pay();
    }

    /// Puts an event that must not be lost, waiting for room.
    pub(super) fn put_surely(&mut self, event: Event) {
        self.settle();
        self.closed |= self.stream.send(Parcel::Event(event)).is_err();
    }

    /// Hands over what is owed, waiting for room.
    pub(super) fn settle(&mut self) {
        for loss in self.take_owed() {
            self.closed |= self.stream.send(Parcel::Event(Event::Lost(loss))).is_err();
        }
    }

    fn owe(&mut self, loss: Loss) {
        let (count, at_least) = self.owed.entry((loss.source, loss.cause)).or_default();
        *count += loss.at_least();
        *at_least |= loss.count.is_none();
    }

    fn pay(&mut self) {
        for loss in self.take_owed() {
            if !self.offer(Event::Lost(loss)) {
                self.owe(loss);
            }
        }
    }

    fn take_owed(&mut self) -> Vec<Loss> {
        let owed = std::mem::take(&mut self.owed);
        // A lower bound of one is "unknown"; of more, the bound is worth more than the doubt.
        let loss = |((source, cause), (count, at_least))| {
            let count = if at_least && count <= 1 { None } else { Some(count) };
            Loss { source, count, cause }
        };
        owed.into_iter().map(loss).collect()
    }

    fn offer(&mut self, event: Event) -> bool {
        match self.stream.try_send(Parcel::Event(event)) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => {
                self.closed = true;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    const SOURCE: Source = Source::Trace;

    fn event() -> Event {
        Event::Lost(Loss { source: SOURCE, count: Some(1), cause: LossCause::SequenceGap })
    }

    #[test]
    fn what_does_not_fit_is_counted_and_told_as_soon_as_there_is_room() {
        let (tx, rx) = sync_channel(2);
        let mut sink = Sink::new(tx);
        for _ in 0..5 {
            sink.put(SOURCE, event());
        }
        assert_eq!(rx.try_iter().count(), 2);
        sink.put(SOURCE, event());
        let Ok(Parcel::Event(Event::Lost(loss))) = rx.try_recv() else { unreachable!("the loss comes first") };
        assert_eq!(loss, Loss { source: SOURCE, count: Some(3), cause: LossCause::RingOverflow });
        assert!(rx.try_recv().is_ok());
        drop(rx);
        sink.put(SOURCE, event());
        assert!(sink.is_closed());
    }
}
