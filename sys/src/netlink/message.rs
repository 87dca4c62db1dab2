//! Netlink messages: `struct nlmsghdr` and what follows it, borrowed from a datagram.

use std::io;

use super::attr::{Attrs, align};
use crate::error::{Extack, Malformed};

/// The size of `struct nlmsghdr`.
pub const HEADER: usize = 16;
/// The size of `struct nfgenmsg`.
pub const NFGEN: usize = 4;

/// `NLMSG_NOOP`.
pub const NOOP: u16 = 1;
/// `NLMSG_ERROR`: an error, or with errno 0 an ack.
pub const ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of a dump.
pub const DONE: u16 = 3;
/// `NLMSG_OVERRUN`.
pub const OVERRUN: u16 = 4;

/// One message of a datagram.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// `nlmsg_type`: for nfnetlink, subsystem in the high byte, message in the low one.
    pub kind: u16,
    /// `nlmsg_flags` (`NLM_F_*`).
    pub flags: u16,
    /// `nlmsg_seq`.
    pub seq: u32,
    /// `nlmsg_pid`: the port id that it is addressed to or came from.
    pub port: u32,
    /// Everything after the header.
    pub payload: &'a [u8],
}

/// `struct nfgenmsg`, the fixed part of every nfnetlink message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NfGen {
    /// `NFPROTO_*`.
    pub family: u8,
    /// `NFNETLINK_V0`.
    pub version: u8,
    /// In host order; what it means depends on the subsystem (NFLOG: the group; nf_tables: low 16 bits of the generation).
    pub res_id: u16,
}

impl<'a> Message<'a> {
    /// The `struct nfgenmsg` and the attributes behind it.
    #[inline]
    pub fn nfgen(&self) -> Result<(NfGen, Attrs<'a>), Malformed> {
        let head =
            self.payload.first_chunk::<NFGEN>().ok_or(Malformed::Short { want: NFGEN, have: self.payload.len() })?;
        let nfgen = NfGen { family: head[0], version: head[1], res_id: u16::from_be_bytes([head[2], head[3]]) };
        Ok((nfgen, Attrs::new(&self.payload[NFGEN..])))
    }

    /// The attributes behind a fixed header of `size` bytes, and that header.
    pub fn after(&self, size: usize) -> Result<(&'a [u8], Attrs<'a>), Malformed> {
        let head = self.payload.get(..size).ok_or(Malformed::Short { want: size, have: self.payload.len() })?;
        Ok((head, Attrs::new(self.payload.get(align(size)..).unwrap_or(&[]))))
    }

    /// For `NLMSG_ERROR` and `NLMSG_DONE`: the errno (0 = ack) and what the kernel said with it.
    pub fn error(&self) -> Result<(i32, Extack), Malformed> {
        let code = self.payload.first_chunk::<4>().ok_or(Malformed::Short { want: 4, have: self.payload.len() })?;
        let errno = i32::from_ne_bytes(*code).saturating_neg();
        let mut extack = Extack::default();
        if self.flags & libc::NLM_F_ACK_TLVS as u16 != 0 {
            let at = if self.kind == DONE {
                4
            } else {
                // The request follows the errno: its header only when capped, else all of it.
                let request =
                    self.payload.get(4..8).map_or(0, |b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]) as usize);
                if self.flags & libc::NLM_F_CAPPED as u16 != 0 {
                    4 + HEADER
                } else {
                    4usize.saturating_add(align(request.max(HEADER)))
                }
            };
            for attr in Attrs::new(self.payload.get(at..).unwrap_or(&[])).map_while(Result::ok) {
                match attr.kind() {
                    1 => extack.message = Some(attr.text().to_string()),
                    2 => extack.offset = attr.u32::<byteorder::NativeEndian>().ok(),
                    _ => {}
                }
            }
        }
        Ok((errno, extack))
    }
}

/// The messages of one datagram.
#[derive(Debug, Clone, Copy)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// The messages that fill `datagram`.
    #[inline]
    pub fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest;
        if rest.is_empty() {
            return None;
        }
        let Some(h) = rest.first_chunk::<HEADER>() else {
            self.rest = &[];
            return Some(Err(Malformed::Short { want: HEADER, have: rest.len() }));
        };
        let claimed = u32::from_ne_bytes([h[0], h[1], h[2], h[3]]) as usize;
        if claimed < HEADER || claimed > rest.len() {
            self.rest = &[];
            return Some(Err(Malformed::Length { claimed, available: rest.len() }));
        }
        self.rest = rest.get(align(claimed)..).unwrap_or(&[]);
        Some(Ok(Message {
            kind: u16::from_ne_bytes([h[4], h[5]]),
            flags: u16::from_ne_bytes([h[6], h[7]]),
            seq: u32::from_ne_bytes([h[8], h[9], h[10], h[11]]),
            port: u32::from_ne_bytes([h[12], h[13], h[14], h[15]]),
            payload: &rest[HEADER..claimed],
        }))
    }
}

/// An errno as an [`io::Error`].
pub fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}
