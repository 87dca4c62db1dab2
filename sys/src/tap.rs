//! What devices carry, as a packet socket sees it (packet(7)): frames that come in, before traffic control and
//! netfilter see them, and frames that go out, after both.
//!
//! `unsafe`: one `getsockopt` for the socket's statistics, which nix lacks.
#![allow(unsafe_code, reason = "PACKET_STATISTICS has no safe wrapper")]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{self, AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, sockopt};

use crate::error::{Error, Result};

/// Room for a burst of some ten thousand frames.
const RECEIVE_BUFFER: usize = 16 << 20;
/// `PACKET_STATISTICS` (include/uapi/linux/if_packet.h).
const STATISTICS: libc::c_int = 6;

/// Where a frame went (`sll_pkttype`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It came in, and is meant for this host or for many.
    In,
    /// It came in, and is meant for another host.
    Other,
    /// It goes out.
    Out,
}

/// A frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'b> {
    /// The device.
    pub index: u32,
    /// In or out.
    pub way: Way,
    /// The Ethertype.
    pub protocol: u16,
    /// From the network header on, as far as there was room for it.
    pub bytes: &'b [u8],
}

/// `struct tpacket_stats`.
#[repr(C)]
#[derive(Default)]
struct Statistics {
    packets: libc::c_uint,
    drops: libc::c_uint,
}

/// A socket that sees the frames of all devices of the calling thread's network namespace.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    buf: Vec<u8>,
}

impl Listener {
    /// Opens it; of each frame the first `room` bytes from the network header on are kept.
    ///
    /// # Errors
    /// Without `CAP_NET_RAW`, or without packet sockets (`CONFIG_PACKET`).
    pub fn open(room: usize) -> Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket::socket(AddressFamily::Packet, SockType::Datagram, flags, SockProtocol::EthAll)
            .map_err(|e| Error::os("open", "a packet socket", e))?;
        // A refusal only means that losses come sooner; they are counted.
        let _ = socket::setsockopt(&fd, sockopt::RcvBufForce, &RECEIVE_BUFFER);
        Ok(Self { fd, buf: vec![0; room] })
    }

    /// Hands the next frame to `each`. False: there is none now.
    ///
    /// # Errors
    /// When the device that it was bound to is gone, or the system refuses.
    pub fn receive(&mut self, each: impl FnOnce(Frame<'_>)) -> Result<bool> {
        loop {
            match socket::recvfrom::<LinkAddr>(self.fd.as_raw_fd(), &mut self.buf) {
                Ok((len, Some(from))) => {
                    let way = match from.pkttype() {
                        libc::PACKET_OUTGOING => Way::Out,
                        libc::PACKET_OTHERHOST => Way::Other,
                        _ => Way::In,
                    };
                    let index = u32::try_from(from.ifindex()).unwrap_or(0);
                    let bytes = self.buf.get(..len).unwrap_or(&self.buf);
                    each(Frame { index, way, protocol: u16::from_be(from.protocol()), bytes });
                    return Ok(true);
                }
                Ok((_, None)) | Err(nix::Error::EINTR) => {}
                Err(nix::Error::EAGAIN) => return Ok(false),
                // One of the devices went down.
                Err(nix::Error::ENETDOWN) => {}
                Err(e) => return Err(Error::os("receive from", "a packet socket", e)),
            }
        }
    }

    /// How many frames found no room since this was asked last.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn lost(&self) -> Result<u64> {
        let mut stats = Statistics::default();
        let mut len = size_of::<Statistics>() as libc::socklen_t;
        // SAFETY: both pointers are to live values, and `len` is the size of the first.
        let rc = unsafe {
            libc::getsockopt(self.fd.as_raw_fd(), libc::SOL_PACKET, STATISTICS, (&raw mut stats).cast(), &raw mut len)
        };
        if rc != 0 {
            return Err(Error::os("read the statistics of", "a packet socket", io::Error::last_os_error()));
        }
        Ok(stats.drops.into())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
