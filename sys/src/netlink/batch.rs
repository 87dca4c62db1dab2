//! Many datagrams with one system call.
//!
//! `unsafe`: `recvmmsg(2)`, whose safe wrapper in nix allocates for every call.
#![allow(unsafe_code, reason = "recvmmsg takes arrays of structures that point into each other")]

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};

use super::socket::Datagram;

/// How many datagrams one call may bring.
const MANY: usize = 16;

/// Receive buffers, allocated once.
#[derive(Debug)]
pub struct Batch {
    buf: Vec<u8>,
    size: usize,
    got: [Datagram; MANY],
    count: usize,
}

impl Batch {
    /// Buffers for datagrams of up to `size` bytes; larger ones are cut and marked so.
    pub fn new(size: usize) -> Self {
        let none = Datagram { len: 0, truncated: false, from_kernel: false };
        Self { buf: vec![0; size.saturating_mul(MANY)], size, got: [none; MANY], count: 0 }
    }

    /// Reads what is there without waiting; what was read before is gone. Returns the number of datagrams, 0 if none
    /// is there.
    ///
    /// # Errors
    /// `ENOBUFS` when datagrams were lost before these; reading may go on.
    pub fn receive(&mut self, socket: impl AsFd) -> io::Result<usize> {
        self.count = 0;
        // SAFETY: all-zero bytes are a valid value of each of these C structures.
        let (mut names, mut iovs, mut headers): (
            [libc::sockaddr_nl; MANY],
            [libc::iovec; MANY],
            [libc::mmsghdr; MANY],
        ) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        for (i, chunk) in self.buf.chunks_exact_mut(self.size.max(1)).take(MANY).enumerate() {
            iovs[i] = libc::iovec { iov_base: chunk.as_mut_ptr().cast(), iov_len: chunk.len() };
            headers[i].msg_hdr.msg_name = (&raw mut names[i]).cast();
            headers[i].msg_hdr.msg_namelen = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
            headers[i].msg_hdr.msg_iov = &raw mut iovs[i];
            headers[i].msg_hdr.msg_iovlen = 1;
        }
        let count = loop {
            // SAFETY: each header points to its own name, iovec and chunk of `buf`, all of which outlive the call.
            let n = unsafe {
                libc::recvmmsg(
                    socket.as_fd().as_raw_fd(),
                    headers.as_mut_ptr(),
                    MANY as libc::c_uint,
                    libc::MSG_DONTWAIT | libc::MSG_TRUNC,
                    std::ptr::null_mut(),
                )
            };
            match usize::try_from(n) {
                Ok(n) => break n.min(MANY),
                Err(_) => match io::Error::last_os_error() {
                    e if e.kind() == io::ErrorKind::Interrupted => {}
                    e if e.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                    e => return Err(e),
                },
            }
        };
        for (i, header) in headers.iter().take(count).enumerate() {
            let real = header.msg_len as usize; // MSG_TRUNC: the size that it had, not what fitted
            self.got[i] = Datagram {
                len: real.min(self.size),
                truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 || real > self.size,
                from_kernel: names[i].nl_pid == 0,
            };
        }
        self.count = count;
        Ok(count)
    }

    /// What the last call brought.
    pub fn datagrams(&self) -> impl Iterator<Item = (Datagram, &[u8])> {
        let chunks = self.buf.chunks_exact(self.size.max(1));
        self.got.iter().take(self.count).zip(chunks).map(|(d, chunk)| (*d, &chunk[..d.len]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn datagrams_come_in_order_and_a_cut_one_says_so() -> io::Result<()> {
        let (a, b) = UnixDatagram::pair()?;
        let mut batch = Batch::new(8);
        assert_eq!(batch.receive(&b)?, 0, "nothing there is no error");
        for i in 0..20u8 {
            a.send(&vec![i; if i == 3 { 9 } else { 2 }])?;
        }
        let mut seen = Vec::new();
        while batch.receive(&b)? > 0 {
            seen.extend(batch.datagrams().map(|(d, bytes)| (bytes.to_vec(), d.truncated)));
        }
        assert_eq!(seen.len(), 20);
        assert_eq!(seen[3], (vec![3; 8], true));
        assert!(seen.iter().enumerate().all(|(i, (bytes, cut))| bytes[0] == i as u8 && *cut == (i == 3)));
        Ok(())
    }
}
