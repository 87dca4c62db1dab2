//! Changes and trace records as they happen.

use std::os::fd::{AsFd, BorrowedFd};

use serde::Serialize;

use super::{Chain, Elements, Family, Flowtable, Generation, Object, Rule, Set, Table, Trace};
use crate::error::{Error, Malformed, Result};
use crate::netlink::{self, Message, Messages, Socket, Transport};
use crate::text::Hex;
use crate::uapi::nf_tables::*;
use crate::uapi::nfnetlink::{NFNL_SUBSYS_NFTABLES, NFNLGRP_NFTABLES, NFNLGRP_NFTRACE};

/// Larger than any notification: the kernel builds them in `NLMSG_GOODSIZE`, at most 8 KiB, and sends several as one.
const BUFFER: usize = 64 * 1024;
/// Loading a large ruleset sends a notification for each rule, faster than anybody reads.
const RECEIVE_BUFFER: usize = 8 << 20;

/// Did a thing come or go?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new, or has changed.
    New,
    /// It is gone; only what names it is told.
    Deleted,
}

/// What a notification tells. The changes of one transaction come in a row and end with
/// [`Generation`](Event::Generation).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A table.
    Table(Change, Table),
    /// A chain.
    Chain(Change, Box<Chain>),
    /// A rule.
    Rule(Change, Box<Rule>),
    /// A set or map.
    Set(Change, Box<Set>),
    /// Elements of a set or map.
    Elements(Change, Elements),
    /// A stateful object.
    Object(Change, Box<Object>),
    /// A flowtable.
    Flowtable(Change, Flowtable),
    /// The transaction is complete: its number, and who made it.
    Generation(Generation),
    /// What a rule said to a traced packet.
    Trace(Box<Trace>),
    /// A message that this version does not know, or cannot read.
    Unknown {
        /// `NFT_MSG_*`.
        message: u8,
        /// The family it is about.
        family: Family,
        /// What is wrong with it; nothing for a message that is not known.
        #[serde(skip)]
        why: Option<Malformed>,
        /// Its attributes as they came.
        #[serde(serialize_with = "Hex::serialize")]
        raw: Box<[u8]>,
    },
}

/// A notification with its origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// What it tells.
    pub event: Event,
    /// The low 16 bits of the generation that it belongs to.
    pub generation: u16,
    /// The port id of the netlink socket whose request caused it; 0 when the kernel did it by itself.
    pub port: u32,
}

impl Notification {
    /// Decodes one message of the nf_tables subsystem; nothing for any other message.
    pub fn decode(m: &Message<'_>) -> Option<Self> {
        if m.kind >> 8 != u16::from(NFNL_SUBSYS_NFTABLES) {
            return None;
        }
        let (nfgen, attrs) = m.nfgen().ok()?;
        let message = m.kind as u8;
        let event = Event::decode(message, m).unwrap_or_else(|why| Event::Unknown {
            message,
            family: nfgen.family.into(),
            why,
            raw: attrs.as_bytes().into(),
        });
        Some(Self { event, generation: nfgen.res_id, port: m.port })
    }
}

impl Event {
    fn decode(message: u8, m: &Message<'_>) -> Result<Self, Option<Malformed>> {
        use Change::{Deleted, New};
        Ok(match message {
            NFT_MSG_NEWTABLE => Self::Table(New, Table::decode(m)?),
            NFT_MSG_DELTABLE => Self::Table(Deleted, Table::decode(m)?),
            NFT_MSG_NEWCHAIN => Self::Chain(New, Chain::decode(m)?.into()),
            NFT_MSG_DELCHAIN => Self::Chain(Deleted, Chain::decode(m)?.into()),
            NFT_MSG_NEWRULE => Self::Rule(New, Rule::decode(m)?.into()),
            NFT_MSG_DELRULE => Self::Rule(Deleted, Rule::decode(m)?.into()),
            NFT_MSG_NEWSET => Self::Set(New, Set::decode(m)?.into()),
            NFT_MSG_DELSET => Self::Set(Deleted, Set::decode(m)?.into()),
            NFT_MSG_NEWSETELEM => Self::Elements(New, Elements::decode(m)?),
            NFT_MSG_DELSETELEM => Self::Elements(Deleted, Elements::decode(m)?),
            NFT_MSG_NEWOBJ => Self::Object(New, Object::decode(m)?.into()),
            NFT_MSG_DELOBJ => Self::Object(Deleted, Object::decode(m)?.into()),
            NFT_MSG_NEWFLOWTABLE => Self::Flowtable(New, Flowtable::decode(m)?),
            NFT_MSG_DELFLOWTABLE => Self::Flowtable(Deleted, Flowtable::decode(m)?),
            NFT_MSG_NEWGEN => Self::Generation(Generation::decode(m)?),
            NFT_MSG_TRACE => Self::Trace(Trace::decode(m)?.into()),
            _ => return Err(None),
        })
    }
}

/// What one wait for notifications brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a loss has to be told"]
pub enum Received {
    /// So many notifications.
    Notifications(usize),
    /// Nothing is there to be read; only from a socket that does not wait.
    Nothing,
    /// Some were lost (`ENOBUFS`): what is known of the ruleset may be out of date.
    Lost,
    /// One was cut because it was larger than the buffer, and is lost.
    Truncated,
}

/// What to listen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// Changes of the ruleset (`NFNLGRP_NFTABLES`).
    pub changes: bool,
    /// Trace records (`NFNLGRP_NFTRACE`).
    pub trace: bool,
}

/// A socket that hears of changes and trace records.
#[derive(Debug)]
pub struct Monitor<T: Transport = Socket> {
    transport: T,
    buf: Vec<u8>,
}

impl Monitor<Socket> {
    /// Listens in the calling thread's network namespace.
    ///
    /// Joining loads the nf_tables module if it can be loaded and is not: ask [`is_present`](super::is_present) first.
    ///
    /// # Errors
    /// Without `CAP_NET_ADMIN` in the namespace.
    pub fn open(interest: Interest) -> Result<Self> {
        let socket = Socket::open(netlink::Family::Netfilter)?;
        // A refusal only means that losses come sooner.
        let _ = socket.set_receive_buffer(RECEIVE_BUFFER);
        if interest.changes {
            socket.join(NFNLGRP_NFTABLES)?;
        }
        if interest.trace {
            socket.join(NFNLGRP_NFTRACE)?;
        }
        Ok(Self::new(socket))
    }

    /// Asks for a receive buffer of `bytes`, past the system's limit where privilege allows. Returns what it got.
    pub fn set_receive_buffer(&self, bytes: usize) -> Result<usize> {
        self.transport.set_receive_buffer(bytes)
    }

    /// Makes [`receive`](Self::receive) return [`Received::Nothing`] instead of waiting.
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.transport.set_nonblocking(on)
    }
}

impl AsFd for Monitor<Socket> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.transport.as_fd()
    }
}

impl<T: Transport> Monitor<T> {
    /// Listens to any transport.
    pub fn new(transport: T) -> Self {
        Self { transport, buf: vec![0; BUFFER] }
    }

    /// The transport.
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Waits for one datagram and hands each notification in it to `each`.
    ///
    /// # Errors
    /// When the socket fails for good. A loss is not an error: it is a value, and the next call goes on.
    pub fn receive(&mut self, mut each: impl FnMut(Notification)) -> Result<Received> {
        let datagram = match self.transport.receive(&mut self.buf) {
            Ok(d) => d,
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(Received::Nothing),
            Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => return Ok(Received::Lost),
            Err(e) => return Err(Error::os("follow", "nf_tables", e)),
        };
        if !datagram.from_kernel {
            return Ok(Received::Notifications(0));
        }
        if datagram.truncated {
            return Ok(Received::Truncated);
        }
        let mut count = 0;
        for m in Messages::new(self.buf.get(..datagram.len).unwrap_or_default()).map_while(Result::ok) {
            if let Some(n) = Notification::decode(&m) {
                count += 1;
                each(n);
            }
        }
        Ok(Received::Notifications(count))
    }
}
