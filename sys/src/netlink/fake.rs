//! A fake transport: recorded kernel answers for tests that need no privileges. Public, so that users of this
//! crate can test with it too.

use std::collections::VecDeque;
use std::io;

use super::message;
use super::socket::{Datagram, Transport};

/// Answers requests with datagrams prepared before, patching in the sequence number of the last request.
#[derive(Debug, Default)]
pub struct Fake {
    replies: VecDeque<Reply>,
    /// What was sent, in order.
    pub sent: Vec<Vec<u8>>,
}

#[derive(Debug)]
enum Reply {
    Datagram { bytes: Vec<u8>, truncated: bool },
    Error(i32),
}

impl Fake {
    /// A transport that has no answers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a datagram to answer with.
    #[must_use]
    pub fn reply(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.replies.push_back(Reply::Datagram { bytes: bytes.into(), truncated: false });
        self
    }

    /// Adds a datagram that the kernel had to cut.
    #[must_use]
    pub fn reply_truncated(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.replies.push_back(Reply::Datagram { bytes: bytes.into(), truncated: true });
        self
    }

    /// Adds an errno that receiving fails with, such as `ENOBUFS`.
    #[must_use]
    pub fn fail(mut self, errno: i32) -> Self {
        self.replies.push_back(Reply::Error(errno));
        self
    }

    /// Adds an `NLMSG_ERROR` with this errno (0 = ack).
    #[must_use]
    pub fn ack(self, errno: i32) -> Self {
        let mut b = super::Builder::new();
        b.message(message::ERROR, 0, 0).raw(&(-errno).to_ne_bytes()).raw(&[0; message::HEADER]);
        self.reply(b.finish())
    }

    /// Adds an `NLMSG_DONE`.
    #[must_use]
    pub fn done(self) -> Self {
        let mut b = super::Builder::new();
        b.message(message::DONE, libc::NLM_F_MULTI as u16, 0).raw(&0i32.to_ne_bytes());
        self.reply(b.finish())
    }
}

/// Passes everything on to another transport and keeps what it brought, to be answered with later.
#[derive(Debug)]
pub struct Recording<T> {
    inner: T,
    /// What was received, in order.
    pub received: Vec<Vec<u8>>,
}

impl<T: Transport> Recording<T> {
    /// Records what `inner` brings.
    pub fn new(inner: T) -> Self {
        Self { inner, received: Vec::new() }
    }
}

impl<T: Transport> Transport for Recording<T> {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.inner.send(datagram)
    }

    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Datagram> {
        let datagram = self.inner.receive(buf)?;
        self.received.push(buf.get(..datagram.len).unwrap_or(buf).to_vec());
        Ok(datagram)
    }
}

impl Transport for Fake {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.sent.push(datagram.to_vec());
        Ok(())
    }

    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Datagram> {
        match self.replies.pop_front() {
            None => Err(io::ErrorKind::WouldBlock.into()),
            Some(Reply::Error(e)) => Err(io::Error::from_raw_os_error(e)),
            Some(Reply::Datagram { mut bytes, truncated }) => {
                let seq = self.sent.last().and_then(|s| s.get(8..12)).map(<[u8]>::to_vec).unwrap_or_default();
                let mut at = 0;
                // Every message answers the last request.
                while let Some(len) =
                    bytes.get(at..at + 4).map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]) as usize)
                {
                    if len < message::HEADER || at + len > bytes.len() || seq.len() != 4 {
                        break;
                    }
                    bytes[at + 8..at + 12].copy_from_slice(&seq);
                    at += super::attr::align(len);
                }
                let len = bytes.len().min(buf.len());
                buf[..len].copy_from_slice(&bytes[..len]);
                Ok(Datagram { len, truncated: truncated || len < bytes.len(), from_kernel: true })
            }
        }
    }
}
