//! TAP devices: a network interface whose cable ends in this process.
//!
//! What is written to one has been through the whole stack (hooks, routing, sockets) when the write returns, and what the
//! host sends by it is read back: rules can be tried with any packet, without a second namespace and without waiting.

#![allow(unsafe_code, reason = "TUNSETIFF has no safe wrapper")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::error::{Error, Result};

const DEVICE: &str = "/dev/net/tun";
/// `IFF_TAP | IFF_NO_PI` (include/uapi/linux/if_tun.h): Ethernet frames, nothing in front of them.
const FLAGS: libc::c_short = 0x0002 | 0x1000;

mod ioctl {
    #![allow(missing_docs, reason = "the macro's function is public and takes no documentation")]
    nix::ioctl_write_ptr_bad!(tunsetiff, nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()), libc::ifreq);
}
use ioctl::tunsetiff;

/// A TAP device. It is gone when this value is.
#[derive(Debug)]
pub struct Tap {
    file: File,
}

impl Tap {
    /// Makes a device in the network namespace of this thread. It is down, and reading never waits.
    ///
    /// # Errors
    /// Without `CAP_NET_ADMIN` here, without the tun module, or if the name is taken or longer than 15 bytes.
    pub fn new(name: &str) -> Result<Self> {
        let failed = |e: io::Error| Error::os("make TAP device", name, e);
        let file =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(DEVICE).map_err(failed)?;
        // SAFETY: an all-zero `ifreq` is a valid one: it holds integers, arrays of them, and a union of such.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        if name.len() >= request.ifr_name.len() {
            return Err(failed(io::Error::from_raw_os_error(libc::ENAMETOOLONG)));
        }
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = FLAGS;
        // SAFETY: the descriptor is a tun device, and the request an `ifreq` that outlives the call.
        unsafe { tunsetiff(file.as_raw_fd(), &raw const request) }.map_err(|e| failed(e.into()))?;
        Ok(Self { file })
    }

    /// Gives a frame to the kernel, as if it had come in by this device.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        (&self.file).write(frame).map(drop)
    }

    /// The next frame that the kernel sent by this device; nothing if there is none.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        match (&self.file).read(buffer) {
            Ok(n) => Ok(buffer.get(..n)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }
}

impl From<Tap> for OwnedFd {
    fn from(tap: Tap) -> Self {
        tap.file.into()
    }
}
