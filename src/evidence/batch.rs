//! Logged packets on their way to whoever judges them: many at once, as the kernel described them, in buffers that are
//! used again and again. How much may be under way is bounded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::packet::LoggedPacket;
use crate::blame::Time;
use crate::sys::netlink::Attrs;
use crate::sys::nflog::Packet;

/// Bytes that may be under way.
const MOST_BYTES: usize = 64 << 20;
/// Buffers that are kept for the next batch.
const SPARE: usize = 64;

/// Logged packets.
#[derive(Debug)]
pub struct Batch {
    received: Time,
    bytes: Vec<u8>,
    held: Vec<Held>,
    room: Arc<Room>,
}

/// One packet: where its attributes are.
#[derive(Debug, Clone, Copy)]
struct Held {
    family: u8,
    group: u16,
    start: usize,
    len: usize,
    count: u32,
}

impl Batch {
    /// Copies a packet's description to the end.
    pub fn push(&mut self, p: &Packet<'_>) {
        let attrs = p.attrs.as_bytes();
        let start = self.bytes.len();
        self.bytes.extend_from_slice(attrs);
        self.held.push(Held { family: p.family, group: p.group, start, len: attrs.len(), count: 1 });
    }

    /// One more that is like the packet at this place.
    pub fn count_one_more(&mut self, at: usize) {
        if let Some(held) = self.held.get_mut(at) {
            held.count = held.count.saturating_add(1);
        }
    }

    /// The packet at this place and how many it stands for. None behind the last.
    pub fn get(&self, at: usize) -> Option<(Packet<'_>, u32)> {
        let held = self.held.get(at)?;
        let attrs = Attrs::new(self.bytes.get(held.start..held.start + held.len)?);
        // It has been read before.
        Packet::from_attrs(held.family, held.group, attrs).ok().map(|p| (p, held.count))
    }

    /// The same, owned.
    pub fn owned(&self, at: usize) -> Option<LoggedPacket> {
        self.get(at).map(|(p, count)| LoggedPacket { count, ..LoggedPacket::new(&p, self.received) })
    }

    /// When they were read.
    pub fn received(&self) -> Time {
        self.received
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// May it be sent now? One batch always may.
    pub fn has_room(&self) -> bool {
        self.room.has_space(self)
    }
}

/// How much is under way, and buffers that came back.
#[derive(Debug)]
pub struct Room {
    most: usize,
    packets: AtomicUsize,
    bytes: AtomicUsize,
    spare: Mutex<Vec<(Vec<u8>, Vec<Held>)>>,
}

impl Room {
    /// For so many packets.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, packets: AtomicUsize::new(0), bytes: AtomicUsize::new(0), spare: Mutex::default() })
    }

    /// An empty batch.
    pub fn batch(self: &Arc<Self>, received: Time) -> Batch {
        let (bytes, held) = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Batch { received, bytes, held, room: Arc::clone(self) }
    }

    fn has_space(&self, batch: &Batch) -> bool {
        let (packets, bytes) = (self.packets.load(Ordering::Acquire), self.bytes.load(Ordering::Acquire));
        packets == 0 || (packets + batch.held.len() <= self.most && bytes + batch.bytes.len() <= MOST_BYTES)
    }
}

/// A batch that takes its room until it is dropped.
#[derive(Debug)]
pub struct Sent(Option<Batch>);

impl Sent {
    /// Takes the room.
    pub fn new(batch: Batch) -> Self {
        batch.room.packets.fetch_add(batch.held.len(), Ordering::AcqRel);
        batch.room.bytes.fetch_add(batch.bytes.len(), Ordering::AcqRel);
        Self(Some(batch))
    }

    /// The packets.
    pub fn batch(&self) -> Option<&Batch> {
        self.0.as_ref()
    }

    /// The packets, which are not under way any more.
    pub fn into_batch(mut self) -> Option<Batch> {
        self.take()
    }

    fn take(&mut self) -> Option<Batch> {
        let batch = self.0.take()?;
        batch.room.packets.fetch_sub(batch.held.len(), Ordering::AcqRel);
        batch.room.bytes.fetch_sub(batch.bytes.len(), Ordering::AcqRel);
        Some(batch)
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.take();
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let (mut bytes, mut held) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.held));
        if bytes.capacity() > MOST_BYTES / SPARE {
            return;
        }
        bytes.clear();
        held.clear();
        let mut spare = self.room.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE {
            spare.push((bytes, held));
        }
    }
}
