//! Reading over two sockets at once.
//!
//! The kernel's part of a dump takes most of the time, and it makes dumps of different sockets side by side.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::sys::netlink::Transport;
use crate::sys::nft::Dumper;

/// What waits to be read. Each is taken once, by whoever is free.
pub(super) struct Jobs<'a, J> {
    all: &'a [J],
    taken: AtomicUsize,
}

impl<'a, J> Jobs<'a, J> {
    pub fn next(&self) -> Option<&'a J> {
        self.all.get(self.taken.fetch_add(1, Ordering::Relaxed))
    }
}

/// Lets `work` take jobs over one socket or, where two are to be had and it is `worth` it, over each of two. Returns what
/// each made.
pub(super) fn read<T: Transport + Send, J: Sync, V: Send>(
    dumper: &mut Dumper<'_, T>,
    all: &[J],
    worth: bool,
    work: impl Fn(&mut Dumper<'_, T>, &Jobs<'_, J>) -> V + Sync,
) -> Vec<V> {
    let jobs = Jobs { all, taken: AtomicUsize::new(0) };
    let mut client = worth.then(|| dumper.client().beside()).flatten();
    let Some(mut second) = client.as_mut().and_then(|client| dumper.beside(client)) else {
        return vec![work(dumper, &jobs)];
    };
    // Two processors are busy already.
    second.client().set_read_ahead(false);
    let reads_ahead = dumper.client().set_read_ahead(false);
    let made = thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, || work(&mut second, &jobs));
        let mine = work(dumper, &jobs);
        // Without a thread, all was ours to do.
        let theirs = other.ok().map(|t| t.join().unwrap_or_else(|e| resume_unwind(e)));
        std::iter::once(mine).chain(theirs).collect()
    });
    dumper.join(second);
    dumper.client().set_read_ahead(reads_ahead);
    made
}
