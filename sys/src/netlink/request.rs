//! Requests and their answers: acks, single replies and dumps.

use std::io;

use super::ahead::{Ahead, processors};
use super::build::Builder;
use super::message::{self, Message, Messages};
use super::socket::{Family, Socket, Transport};
use crate::error::{Error, Malformed, Result};

/// Larger than any datagram the kernel builds for a dump (32 KiB), with room for what a later one may do. So large that
/// the allocator maps it: of what is not used then nothing is in memory.
const BUFFER: usize = 256 * 1024;
/// How often a dump that was interrupted is begun again before it is called torn.
const TRIES: u32 = 8;
/// From which portion of a dump on a thread of its own receives it.
const LONG: u32 = 4;

const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
const ACK: u16 = libc::NLM_F_ACK as u16;
const DUMP: u16 = libc::NLM_F_DUMP as u16;
const MULTI: u16 = libc::NLM_F_MULTI as u16;
const DUMP_INTR: u16 = libc::NLM_F_DUMP_INTR as u16;

/// How a dump ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an interrupted dump is not to be trusted"]
pub struct Dumped {
    /// The kernel set `NLM_F_DUMP_INTR`: what was dumped changed meanwhile.
    pub interrupted: bool,
}

/// A conversation with one netlink subsystem, one request at a time.
#[derive(Debug)]
pub struct Client<T: Transport = Socket> {
    transport: T,
    seq: u32,
    buf: Vec<u8>,
    /// Who receives the dump under way, if that is another thread.
    ahead: Option<Ahead>,
    reads_ahead: bool,
}

impl Client<Socket> {
    /// Opens a socket of that family in the calling thread's network namespace.
    pub fn open(family: Family) -> Result<Self> {
        let socket = Socket::open(family)?;
        // Acks of large batches and dumps queue up here; a refusal only means a smaller one.
        let _ = socket.set_receive_buffer(1 << 20);
        let _ = socket.set_send_buffer(64 << 20);
        Ok(Self::new(socket))
    }

    /// The port id of the socket.
    pub fn port(&self) -> u32 {
        self.transport.port()
    }
}

impl<T: Transport> Client<T> {
    /// Talks through any transport.
    pub fn new(transport: T) -> Self {
        Self { transport, seq: 0, buf: vec![0; BUFFER], ahead: None, reads_ahead: true }
    }

    /// May a long dump be received by a thread of its own, while what came before is read? It may, where there are several
    /// processors, unless it is told here that they are busy. Returns what was said before.
    pub fn set_read_ahead(&mut self, on: bool) -> bool {
        std::mem::replace(&mut self.reads_ahead, on)
    }

    /// A client of its own for the same kernel, in the same namespace: dumps of different sockets are made side by side.
    /// None where that cannot be had.
    pub fn beside(&self) -> Option<Self> {
        (processors() > 1).then(|| self.transport.another()).flatten().map(Self::new)
    }

    /// The transport, for what goes beyond request and answer.
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The next sequence number.
    pub fn next_seq(&mut self) -> u32 {
        self.seq = self.seq.wrapping_add(1).max(1);
        self.seq
    }

    /// Sends one request that `write` builds (given the flags and the sequence number to use) and waits for its ack.
    pub fn ack(&mut self, op: &'static str, object: &str, write: impl FnOnce(&mut Builder, u16, u32)) -> Result<()> {
        self.exchange(op, object, REQUEST | ACK, write, |_| Ok(()))
    }

    /// Sends one request and hands each reply to `each`, until the ack.
    pub fn get(
        &mut self,
        op: &'static str,
        object: &str,
        write: impl FnOnce(&mut Builder, u16, u32),
        each: impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<()> {
        self.exchange(op, object, REQUEST | ACK, write, each)
    }

    fn exchange(
        &mut self,
        op: &'static str,
        object: &str,
        flags: u16,
        write: impl FnOnce(&mut Builder, u16, u32),
        mut each: impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<()> {
        let seq = self.next_seq();
        let mut b = Builder::new();
        write(&mut b, flags, seq);
        self.send(op, object, &b.finish())?;
        loop {
            let len = self.receive(op, object)?;
            for m in Messages::new(&self.buf[..len]) {
                let m = m.map_err(|e| e.of(op))?;
                if m.seq != seq {
                    continue; // an answer to a request that was given up
                }
                match m.kind {
                    message::ERROR | message::DONE => return finished(op, object, &m),
                    message::NOOP => {}
                    message::OVERRUN => return Err(Error::Overrun { what: op }),
                    _ => each(m).map_err(|e| e.of(op))?,
                }
            }
        }
    }

    /// Sends several messages as one datagram, of which the kernel applies all or none (an nfnetlink batch), numbers
    /// them, and waits until the message at index `last` is acknowledged, or the batch as a whole (index 0) refused.
    /// Returns each refusal with the index of its message; none means that all was applied.
    ///
    /// # Errors
    /// When the datagram could not be sent, or its answers not be read.
    pub fn batch(
        &mut self,
        op: &'static str,
        object: &str,
        mut bytes: Vec<u8>,
        last: usize,
    ) -> Result<Vec<(usize, Error)>> {
        let mut seqs = Vec::new();
        let mut at = 0;
        while let Some(len) = bytes.get(at..).and_then(|b| b.first_chunk::<4>()).map(|b| u32::from_ne_bytes(*b)) {
            let Some(header) = bytes.get_mut(at..at + message::HEADER) else { break };
            if seqs.len() == last {
                let flags = u16::from_ne_bytes([header[6], header[7]]) | ACK;
                header[6..8].copy_from_slice(&flags.to_ne_bytes());
            }
            let seq = self.next_seq();
            header[8..12].copy_from_slice(&seq.to_ne_bytes());
            seqs.push(seq);
            at += super::attr::align((len as usize).max(message::HEADER));
        }
        self.send(op, object, &bytes)?;
        let mut refusals = Vec::new();
        loop {
            let len = self.receive(op, object)?;
            for m in Messages::new(&self.buf[..len]) {
                let m = m.map_err(|e| e.of(op))?;
                let Some(index) = seqs.iter().position(|&s| s == m.seq) else { continue };
                if m.kind != message::ERROR {
                    continue;
                }
                if let Err(e) = finished(op, object, &m) {
                    refusals.push((index, e));
                }
                if index == last || index == 0 {
                    return Ok(refusals);
                }
            }
        }
    }

    /// Dumps once: hands each message to `each` and says whether the kernel saw a change meanwhile.
    ///
    /// # Errors
    /// What the kernel refused, a malformed or truncated message, or what `each` failed with; the rest of the dump is
    /// then still read, so that the conversation stays usable.
    pub fn dump(
        &mut self,
        op: &'static str,
        object: &str,
        write: impl FnOnce(&mut Builder, u16, u32),
        each: impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<Dumped> {
        let seq = self.next_seq();
        let mut b = Builder::new();
        write(&mut b, REQUEST | DUMP, seq);
        self.send(op, object, &b.finish())?;
        let dumped = self.receive_dump(op, object, seq, each);
        self.ahead = None;
        dumped
    }

    fn receive_dump(
        &mut self,
        op: &'static str,
        object: &str,
        seq: u32,
        mut each: impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<Dumped> {
        let mut interrupted = false;
        let mut failed: Option<Error> = None;
        let mut portions = 0u32;
        loop {
            portions = portions.saturating_add(1);
            if portions == LONG && self.reads_ahead {
                self.ahead = self.transport.ahead().and_then(|t| Ahead::begin(t, self.buf.len()));
            }
            let len = match self.receive(op, object) {
                Ok(len) => len,
                Err(e @ Error::Truncated { .. }) => {
                    failed.get_or_insert(e);
                    continue;
                }
                Err(e) => return Err(failed.unwrap_or(e)),
            };
            for m in Messages::new(&self.buf[..len]) {
                let m = match m {
                    Ok(m) => m,
                    Err(e) => {
                        failed.get_or_insert(e.of(op));
                        break;
                    }
                };
                if m.seq != seq {
                    continue;
                }
                interrupted |= m.flags & DUMP_INTR != 0;
                match m.kind {
                    message::DONE | message::ERROR => {
                        finished(op, object, &m)?;
                        return failed.map_or(Ok(Dumped { interrupted }), Err);
                    }
                    message::NOOP => {}
                    message::OVERRUN => return Err(Error::Overrun { what: op }),
                    _ if failed.is_none() => {
                        if let Err(e) = each(m) {
                            failed = Some(e.of(op));
                        }
                    }
                    _ => {}
                }
                if m.flags & MULTI == 0 {
                    // A single answer to a dump request: nothing follows.
                    return failed.map_or(Ok(Dumped { interrupted }), Err);
                }
            }
        }
    }

    /// Dumps into a value until a dump comes through uninterrupted.
    ///
    /// # Errors
    /// [`Error::Torn`] when every try was interrupted, and all that [`dump`](Self::dump) fails with.
    pub fn dump_whole<V: Default>(
        &mut self,
        op: &'static str,
        object: &str,
        write: impl Fn(&mut Builder, u16, u32),
        mut each: impl FnMut(&mut V, Message<'_>) -> Result<(), Malformed>,
    ) -> Result<V> {
        for _ in 0..TRIES {
            let mut value = V::default();
            if !self.dump(op, object, &write, |m| each(&mut value, m))?.interrupted {
                return Ok(value);
            }
        }
        Err(Error::Torn { what: op, tries: TRIES })
    }

    fn send(&mut self, op: &'static str, object: &str, bytes: &[u8]) -> Result<()> {
        self.transport.send(bytes).map_err(|e| Error::os(op, object, e))
    }

    fn receive(&mut self, op: &'static str, object: &str) -> Result<usize> {
        loop {
            let received = match &mut self.ahead {
                Some(ahead) => ahead.receive(&mut self.buf),
                None => self.transport.receive(&mut self.buf),
            };
            let d = match received {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && self.ahead.take().is_some() => continue,
                received => received.map_err(|e| match e.raw_os_error() {
                    Some(libc::ENOBUFS) => Error::Overrun { what: op },
                    _ => Error::os(op, object, e),
                })?,
            };
            if !d.from_kernel {
                continue; // any process may send to our port; only the kernel is believed
            }
            if d.truncated {
                return Err(Error::Truncated { what: op, size: d.len });
            }
            return Ok(d.len);
        }
    }
}

/// The end of an exchange: an ack, or the kernel's refusal.
fn finished(op: &'static str, object: &str, m: &Message<'_>) -> Result<()> {
    // A DONE without payload is an end without error.
    if m.kind == message::DONE && m.payload.len() < 4 {
        return Ok(());
    }
    let (code, extack) = m.error().map_err(|e| e.of(op))?;
    if code == 0 {
        return Ok(());
    }
    let mut error = Error::os(op, object, message::errno(code));
    if let Error::Kernel { extack: slot, .. } = &mut error {
        *slot = extack.message.is_some().then_some(extack);
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    use super::*;
    use crate::netlink::fake::Fake;
    use crate::netlink::socket::Datagram;

    fn request(b: &mut Builder, flags: u16, seq: u32) {
        b.nf_message(10, 1, flags, seq, 2, 0);
    }

    fn part(flags: u16) -> Vec<u8> {
        let mut b = Builder::new();
        b.nf_message(10, 0, MULTI | flags, 0, 2, 0).str(1, "t");
        b.finish()
    }

    #[test]
    fn an_interrupted_dump_is_done_again() {
        let fake = Fake::new().reply(part(0)).reply(part(DUMP_INTR)).done().reply(part(0)).done();
        let mut client = Client::new(fake);
        let n = client.dump_whole("list tables", "", request, |n: &mut u32, _| {
            *n += 1;
            Ok(())
        });
        assert_eq!(n.ok(), Some(1), "only the second, whole dump counts");
        assert_eq!(client.transport().sent.len(), 2);
    }

    #[test]
    fn a_refusal_names_operation_object_and_next_step() {
        let mut client = Client::new(Fake::new().ack(libc::EPERM));
        let e = client.ack("create", "table inet nfblame", request).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(e.starts_with("create table inet nfblame: Operation not permitted"), "{e}");
        assert!(e.contains("CAP_NET_ADMIN"), "{e}");
    }

    #[test]
    fn truncation_and_loss_are_errors_and_the_conversation_goes_on() {
        let fake = Fake::new().reply(part(0)).reply_truncated(part(0)).done().ack(0);
        let mut client = Client::new(fake);
        let r = client.dump("list rules", "", request, |_| Ok(()));
        assert!(matches!(r, Err(Error::Truncated { .. })));
        assert!(client.ack("next", "", request).is_ok());
        let mut client = Client::new(Fake::new().fail(libc::ENOBUFS));
        assert!(matches!(client.ack("x", "", request), Err(Error::Overrun { .. })));
    }

    /// What has two handles: each datagram goes to one of them.
    #[derive(Debug, Clone)]
    struct Twin(Arc<Mutex<Fake>>);

    impl Twin {
        fn fake(&self) -> MutexGuard<'_, Fake> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Transport for Twin {
        fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
            self.fake().send(datagram)
        }
        fn receive(&mut self, buf: &mut [u8]) -> io::Result<Datagram> {
            self.fake().receive(buf)
        }
        fn ahead(&self) -> Option<Box<dyn Transport + Send>> {
            Some(Box::new(self.clone()))
        }
    }

    /// A dump of which each part holds its number; what the parts were, and how it ended.
    fn dump_ahead(replies: impl FnOnce(Fake) -> Fake) -> (Vec<u32>, Result<Dumped>, Client<Twin>) {
        let mut client = Client::new(Twin(Arc::new(Mutex::new(replies(Fake::new())))));
        let mut seen = Vec::new();
        let dumped = client.dump("list", "", request, |m| {
            let number = m.nfgen()?.1.find(1).ok_or(Malformed::Missing("number"))?;
            seen.push(number.u32::<byteorder::BE>()?);
            Ok(())
        });
        (seen, dumped, client)
    }

    fn numbered(n: u32, flags: u16) -> Vec<u8> {
        let mut b = Builder::new();
        b.nf_message(10, 0, MULTI | flags, 0, 2, 0).u32::<byteorder::BE>(1, n);
        b.finish()
    }

    fn parts(fake: Fake, range: std::ops::Range<u32>) -> Fake {
        range.fold(fake, |fake, n| fake.reply(numbered(n, 0)))
    }

    #[test]
    fn what_is_received_ahead_is_read_in_order_and_to_the_end() {
        for count in [1, 3, 4, 5, 200] {
            let (seen, dumped, mut client) = dump_ahead(|fake| parts(fake, 0..count).done());
            assert!(seen.iter().copied().eq(0..count), "{count}: {seen:?}");
            assert!(dumped.is_ok_and(|d| !d.interrupted));
            *client.transport().fake() = Fake::new().ack(0);
            assert!(client.ack("next", "", request).is_ok());
        }
    }

    #[test]
    fn what_goes_wrong_ahead_is_told_where_it_happened() {
        let (seen, dumped, _) = dump_ahead(|f| parts(parts(f, 0..50).reply(numbered(50, DUMP_INTR)), 51..60).done());
        assert!(seen.iter().copied().eq(0..60));
        assert!(dumped.is_ok_and(|d| d.interrupted));
        let (seen, dumped, _) = dump_ahead(|f| parts(parts(f, 0..50).fail(libc::ENOBUFS), 50..60).done());
        assert!(seen.iter().copied().eq(0..50));
        assert!(matches!(dumped, Err(Error::Overrun { .. })));
        let cut = |f: Fake| parts(f, 0..50).reply_truncated(numbered(50, 0));
        let (seen, dumped, mut client) = dump_ahead(|f| parts(cut(f), 51..60).done());
        assert!(seen.iter().copied().eq(0..50), "{seen:?}");
        assert!(matches!(dumped, Err(Error::Truncated { .. })));
        assert!(client.transport().receive(&mut [0; 64]).is_err(), "the rest was read");
        let (seen, dumped, _) = dump_ahead(|f| parts(f, 0..50).ack(libc::EPERM));
        assert!(seen.iter().copied().eq(0..50));
        assert!(dumped.is_err_and(|e| e.errno() == Some(libc::EPERM)));
    }
}
