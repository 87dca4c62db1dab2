//! Stopping reader threads, and waking them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

/// Ends the evidence, or any other work that goes on for long, from anywhere, such as from a thread that waits for signals.
/// Clones stop the same.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Asked>);

/// The word to stop, and when it came.
#[derive(Debug)]
struct Asked {
    event: EventFd,
    at: OnceLock<Instant>,
}

impl Stop {
    /// Nothing is stopped yet.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        Ok(Self(Arc::new(Asked { event, at: OnceLock::new() })))
    }

    /// Waits until it is stopped (true) or the deadline has passed.
    ///
    /// # Errors
    /// When the system refuses to wait.
    pub fn wait_until(&self, deadline: Instant) -> io::Result<bool> {
        wait([self.as_fd()], Some(deadline)).map(|[stopped]| stopped)
    }

    /// Waits until it is stopped (true) or there is something to read (false).
    ///
    /// # Errors
    /// When the system refuses to wait.
    pub fn wait_readable(&self, source: impl AsFd) -> io::Result<bool> {
        wait([self.as_fd(), source.as_fd()], None).map(|[stopped, _]| stopped)
    }

    /// Asks all readers to hand out what they have and to end. The stream ends after the last event.
    pub fn stop(&self) {
        self.0.at.get_or_init(Instant::now);
        // It stays readable for ever; only a full counter refuses, which is readable as well.
        let _ = self.0.event.write(1);
    }

    /// When it was first asked to stop; none: it goes on.
    pub fn since(&self) -> Option<Instant> {
        self.0.at.get().copied()
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }
}

/// Waits until one of the descriptors is readable, or until the deadline. Says which are.
pub(super) fn wait<const N: usize>(fds: [BorrowedFd<'_>; N], deadline: Option<Instant>) -> io::Result<[bool; N]> {
    let mut polled = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    loop {
        let timeout = match deadline {
            None => PollTimeout::NONE,
            Some(at) => {
                // Rounded up, so that the deadline has passed when this returns.
                let left = at.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000);
                PollTimeout::try_from(i32::try_from(left).unwrap_or(i32::MAX)).unwrap_or(PollTimeout::MAX)
            }
        };
        match poll(&mut polled, timeout) {
            // Errors and hangups are readable too: reading tells.
            Ok(_) => return Ok(polled.map(|p| p.revents().is_some_and(|r| !r.is_empty()))),
            Err(nix::Error::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}
