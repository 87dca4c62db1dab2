//! Writing messages.

use byteorder::ByteOrder;

use super::attr::{self, NESTED};
use super::message;

/// Writes one or more messages into one buffer, as a request or a batch.
#[derive(Debug, Default)]
pub struct Builder {
    buf: Vec<u8>,
    /// Where the current message starts.
    start: usize,
}

/// Where a nested attribute was begun.
#[derive(Debug)]
#[must_use = "a nest that is not ended has no length"]
pub struct Nest(usize);

impl Builder {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a message; the one before it is ended.
    pub fn message(&mut self, kind: u16, flags: u16, seq: u32) -> &mut Self {
        self.seal();
        self.start = self.buf.len();
        self.buf.extend_from_slice(&0u32.to_ne_bytes());
        self.buf.extend_from_slice(&kind.to_ne_bytes());
        self.buf.extend_from_slice(&flags.to_ne_bytes());
        self.buf.extend_from_slice(&seq.to_ne_bytes());
        self.buf.extend_from_slice(&0u32.to_ne_bytes());
        self
    }

    /// Begins an nfnetlink message (`subsystem << 8 | message`) with its `struct nfgenmsg`.
    pub fn nf_message(&mut self, subsystem: u8, msg: u8, flags: u16, seq: u32, family: u8, res_id: u16) -> &mut Self {
        self.message(u16::from(subsystem) << 8 | u16::from(msg), flags, seq);
        self.raw(&[family, 0]).raw(&res_id.to_be_bytes())
    }

    /// Appends bytes as they are (a fixed header), padded to four.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.buf.extend_from_slice(bytes);
        self
    }

    /// Appends an attribute.
    pub fn attr(&mut self, kind: u16, payload: &[u8]) -> &mut Self {
        // A length that does not fit is cut by construction of the callers; u16::MAX bytes is the format's limit.
        let len = (payload.len() + attr::HEADER).min(usize::from(u16::MAX)) as u16;
        self.buf.extend_from_slice(&len.to_ne_bytes());
        self.buf.extend_from_slice(&kind.to_ne_bytes());
        self.buf.extend_from_slice(&payload[..usize::from(len) - attr::HEADER]);
        self.pad();
        self
    }

    /// Appends an attribute without payload.
    pub fn flag(&mut self, kind: u16) -> &mut Self {
        self.attr(kind, &[])
    }

    /// Appends a byte.
    pub fn u8(&mut self, kind: u16, v: u8) -> &mut Self {
        self.attr(kind, &[v])
    }

    /// Appends a 16-bit number in the named byte order.
    pub fn u16<E: ByteOrder>(&mut self, kind: u16, v: u16) -> &mut Self {
        let mut b = [0; 2];
        E::write_u16(&mut b, v);
        self.attr(kind, &b)
    }

    /// Appends a 32-bit number in the named byte order.
    pub fn u32<E: ByteOrder>(&mut self, kind: u16, v: u32) -> &mut Self {
        let mut b = [0; 4];
        E::write_u32(&mut b, v);
        self.attr(kind, &b)
    }

    /// Appends a 64-bit number in the named byte order.
    pub fn u64<E: ByteOrder>(&mut self, kind: u16, v: u64) -> &mut Self {
        let mut b = [0; 8];
        E::write_u64(&mut b, v);
        self.attr(kind, &b)
    }

    /// Appends a NUL-terminated string.
    pub fn str(&mut self, kind: u16, s: impl AsRef<[u8]>) -> &mut Self {
        let mut b = s.as_ref().to_vec();
        b.push(0);
        self.attr(kind, &b)
    }

    /// Appends nested attributes that `fill` writes.
    pub fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let at = self.begin(kind);
        fill(self);
        self.end(at);
        self
    }

    /// Begins nested attributes.
    pub fn begin(&mut self, kind: u16) -> Nest {
        let at = self.buf.len();
        self.buf.extend_from_slice(&0u16.to_ne_bytes());
        self.buf.extend_from_slice(&(kind | NESTED).to_ne_bytes());
        Nest(at)
    }

    /// Ends nested attributes.
    pub fn end(&mut self, Nest(at): Nest) {
        let len = (self.buf.len() - at).min(usize::from(u16::MAX)) as u16;
        self.buf[at..at + 2].copy_from_slice(&len.to_ne_bytes());
    }

    /// The finished bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.seal();
        self.buf
    }

    /// The bytes of attributes that no [`message`](Self::message) was begun for: a payload for somebody else's message.
    pub fn into_attrs(self) -> Vec<u8> {
        self.buf
    }

    /// How many bytes there are so far.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Is nothing written yet?
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    fn pad(&mut self) {
        self.buf.resize(attr::align(self.buf.len()), 0);
    }

    /// Writes the length of the current message.
    fn seal(&mut self) {
        if self.buf.len() >= self.start + message::HEADER {
            let len = (self.buf.len() - self.start) as u32;
            self.buf[self.start..self.start + 4].copy_from_slice(&len.to_ne_bytes());
            self.pad();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Messages;
    use byteorder::BE;

    #[test]
    fn what_is_written_reads_back() -> Result<(), crate::error::Malformed> {
        let mut b = Builder::new();
        b.nf_message(10, 1, 5, 7, 2, 99).str(1, "ab").nest(2, |b| {
            b.u32::<BE>(3, 0xdead_beef);
        });
        b.nf_message(10, 2, 0, 8, 0, 0);
        let bytes = b.finish();
        let all: Vec<_> = Messages::new(&bytes).collect::<Result<_, _>>()?;
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].kind, all[0].flags, all[0].seq), (0xa01, 5, 7));
        let (gen_, attrs) = all[0].nfgen()?;
        assert_eq!((gen_.family, gen_.res_id), (2, 99));
        assert_eq!(attrs.find(1).map(|a| a.c_str()), Some(b"ab".as_slice()));
        let nested = attrs.find(2).map(|a| a.nested()).and_then(|n| n.find(3));
        assert_eq!(nested.map(|a| a.u32::<BE>()), Some(Ok(0xdead_beef)));
        Ok(())
    }
}
