//! Receiving a dump on a thread of its own, while what came before is being read.
//!
//! Each receive makes the kernel write the next portion before it returns, which takes longer than reading the last one
//! does. Here one processor writes while another reads; what is handed over, and in which order, is the same.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::socket::{Datagram, Transport};

/// How many portions may wait to be read: memory, of 32 KiB each.
const SLOTS: usize = 5;
/// How many have to wait before a reader that waits for them is woken: waking costs the thread that receives.
const ENOUGH: usize = 4;
/// Receiving takes little, and every page of a stack counts.
const STACK: usize = 64 << 10;

/// A thread that receives, until nothing is there or its owner is dropped.
#[derive(Debug)]
pub(super) struct Ahead {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    received: Condvar,
    read: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What was received and is not read yet, in order.
    full: VecDeque<(Vec<u8>, io::Result<Datagram>)>,
    /// Buffers that nobody needs now.
    empty: Vec<Vec<u8>>,
    reader_waits: bool,
    receiver_waits: bool,
    /// Nothing will be received any more.
    ended: bool,
    /// Nobody will read any more.
    abandoned: bool,
}

impl Ahead {
    /// Begins to receive from `transport`, which must not wait, into buffers of `size` bytes. Nothing where there is but
    /// one processor, or no thread to be had.
    pub fn begin(transport: Box<dyn Transport + Send>, size: usize) -> Option<Self> {
        if processors() < 2 {
            return None;
        }
        let shared = Arc::new(Shared::default());
        shared.lock().empty.extend((0..SLOTS).map(|_| vec![0; size]));
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().stack_size(STACK).spawn(move || theirs.receive(transport)).ok()?;
        Some(Self { shared, thread: Some(thread) })
    }

    /// The next datagram, in place of what is in `buf`. `WouldBlock` and every other error is the last that comes.
    pub fn receive(&mut self, buf: &mut Vec<u8>) -> io::Result<Datagram> {
        let mut state = self.shared.lock();
        loop {
            if let Some((filled, got)) = state.full.pop_front() {
                state.empty.push(std::mem::replace(buf, filled));
                if state.receiver_waits {
                    state.receiver_waits = false;
                    self.shared.read.notify_one();
                }
                return got;
            }
            if state.ended {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            state.reader_waits = true;
            state = self.shared.received.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.lock().abandoned = true;
        self.shared.read.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty buffer; none when there is nobody to fill it for.
    fn empty(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if state.abandoned {
                return None;
            }
            if let Some(buf) = state.empty.pop() {
                return Some(buf);
            }
            state.receiver_waits = true;
            state = self.read.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn receive(&self, mut transport: Box<dyn Transport + Send>) {
        while let Some(mut buf) = self.empty() {
            let got = transport.receive(&mut buf);
            let last = got.is_err();
            let mut state = self.lock();
            state.full.push_back((buf, got));
            state.ended = last;
            if state.reader_waits && (last || state.full.len() >= ENOUGH) {
                state.reader_waits = false;
                self.received.notify_one();
            }
            if last {
                return;
            }
        }
    }
}

/// How many processors this process may run on.
pub(super) fn processors() -> usize {
    use nix::sched::{CpuSet, sched_getaffinity};
    // What does not fit into the set is a large machine.
    sched_getaffinity(nix::unistd::Pid::from_raw(0))
        .map_or(2, |set| (0..CpuSet::count()).filter(|&n| set.is_set(n).unwrap_or(false)).count())
}
