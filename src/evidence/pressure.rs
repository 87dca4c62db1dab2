//! What is done with logged packets that come faster than they are taken: those that are alike are counted, and one of
//! them is told of with the number.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::batch::{Batch, Room};
use super::likeness::{self, Key};
use crate::sys::nflog::Packet;

/// How many different packets are kept apart; what more there are is lost, and counted as that.
const MOST: usize = 4096;

/// Packets that wait for room, one of each kind.
#[derive(Debug, Default)]
pub(super) struct Pressed {
    /// The first of each kind, with their number.
    batch: Option<Batch>,
    places: FxHashMap<Key, usize>,
    key: Key,
}

impl Pressed {
    /// Does nothing wait?
    pub fn is_empty(&self) -> bool {
        self.batch.is_none()
    }

    /// Counts a packet among those like it. False: there are too many kinds already.
    pub fn add(&mut self, room: &Arc<Room>, from: &Batch, p: &Packet<'_>) -> bool {
        likeness::key(p, &mut self.key);
        let batch = self.batch.get_or_insert_with(|| room.batch(from.received()));
        if let Some(&at) = self.places.get(&self.key) {
            batch.count_one_more(at);
            return true;
        }
        if batch.len() >= MOST {
            return false;
        }
        self.places.insert(self.key.clone(), batch.len());
        batch.push(p);
        true
    }

    /// Tries to send what waits; what is refused goes on waiting.
    pub fn send(&mut self, try_send: impl FnOnce(Batch) -> Result<(), Batch>) {
        let Some(batch) = self.batch.take() else { return };
        match try_send(batch) {
            Ok(()) => self.places.clear(),
            Err(batch) => self.batch = Some(batch),
        }
    }
}
