//! Reading what the monitor reports.

use std::os::fd::{AsFd, BorrowedFd};

use super::alert::Alert;
use super::session::{Config, Family};
use crate::error::{Error, Result};
use crate::netlink::{self, Batch, Messages, Socket};

/// The attributes beside the payload.
const BESIDE: usize = 512;
/// The largest payload: it is one attribute.
const LARGEST: usize = 1 << 16;

/// What reading brings, in order.
#[derive(Debug)]
pub enum Received<'a> {
    /// A dropped packet.
    Alert(&'a Alert<'a>),
    /// At least one alert was lost: the socket's buffer was full.
    Overrun,
    /// An alert did not fit, or broke its own format.
    Unreadable {
        /// Was it larger than the buffer?
        truncated: bool,
    },
}

/// A member of the monitor's multicast group.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    batch: Batch,
    family: u16,
}

impl Listener {
    /// Joins the group of a monitor with these settings. Call it in the initial network namespace.
    ///
    /// # Errors
    /// Without `CAP_SYS_ADMIN` there.
    pub fn open(family: Family, config: Config, receive_buffer: usize) -> Result<Self> {
        let socket = Socket::open(netlink::Family::Generic)?;
        socket.set_nonblocking(true)?;
        socket.set_receive_buffer(receive_buffer)?;
        socket.join(family.group)?;
        let payload = if config.length == 0 { LARGEST } else { LARGEST.min(config.length as usize) };
        Ok(Self { socket, batch: Batch::new(payload + BESIDE), family: family.id })
    }

    /// Reads what is there, without waiting. Returns false if nothing was there: then wait until the socket is readable.
    ///
    /// # Errors
    /// When the socket fails for good. Losses are no errors.
    pub fn receive(&mut self, mut each: impl FnMut(Received<'_>)) -> Result<bool> {
        let n = match self.batch.receive(&self.socket) {
            Ok(n) => n,
            Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                each(Received::Overrun);
                return Ok(true);
            }
            Err(e) => return Err(Error::os("read", "drop monitor socket", e)),
        };
        for (d, bytes) in self.batch.datagrams().filter(|(d, _)| d.from_kernel) {
            for m in Messages::new(bytes) {
                match m.ok().filter(|m| m.kind == self.family).map(|m| Alert::parse(&m)) {
                    Some(Some(Ok(alert))) => each(Received::Alert(&alert)),
                    Some(None) => {} // a summary
                    Some(Some(Err(_))) | None => each(Received::Unreadable { truncated: d.truncated }),
                }
            }
        }
        Ok(n > 0)
    }
}

impl AsFd for Listener {
    /// Readable when alerts are there.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
