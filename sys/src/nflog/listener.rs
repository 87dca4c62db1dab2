//! Binding groups and reading what comes.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use byteorder::BE;

use super::holder::holder;
use super::loss::{Cause, Lost, Sequence};
use super::packet::Packet;
use crate::error::{Error, Result};
use crate::netlink::{Batch, Builder, Family, Message, Messages, Socket, Transport, message};
use crate::uapi::nfnetlink::NFNL_SUBSYS_ULOG;
use crate::uapi::nfnetlink_log::*;

/// A packet that is larger than the kernel's buffer gets a datagram of its own: 64 KiB and its attributes.
const LARGEST_PACKET: u32 = 65 * 1024;
/// `NFULNL_NLBUFSIZ_DEFAULT` is the least, 128 KiB the most that the kernel takes.
const BUFFER: u32 = 32 * 1024;

/// How packets are collected and how much of each is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Bytes of each packet, from the network header on; 0 = all of it.
    pub copy_range: u32,
    /// So many packets of a group are sent in one datagram. A rule may ask for fewer, not for more.
    pub threshold: u32,
    /// For so long, in hundredths of a second, a packet may wait for others.
    pub timeout: u32,
    /// The receive buffer of the socket in bytes.
    pub receive_buffer: usize,
    /// Ask for each packet's connection, where ctnetlink is there. Asking may load its module.
    pub conntrack: bool,
}

impl Default for Config {
    /// Whole packets, 64 to a datagram or after 10 ms, and room for a burst of tens of thousands.
    fn default() -> Self {
        Self { copy_range: 0, threshold: 64, timeout: 1, receive_buffer: 16 << 20, conntrack: true }
    }
}

/// What reading brings, in order.
#[derive(Debug)]
pub enum Received<'a> {
    /// A packet.
    Packet(&'a Packet<'a>),
    /// Before the next packet, some went missing.
    Lost(Lost),
}

/// A socket that has bound NFLOG groups. They are given back when it is dropped, or its process killed.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    batch: Batch,
    /// Packets that came while an ack was waited for.
    held: VecDeque<(Vec<u8>, bool)>,
    groups: Vec<(u16, Sequence)>,
    /// The complaints of the socket that no gap has accounted for yet. It complains once, and at once, each time that it
    /// overflows, while the gap comes behind the packets that were in it: the next complaint may come before.
    unaccounted: VecDeque<Cause>,
    config: Config,
    conntrack: bool,
    seq: u32,
}

impl Listener {
    /// Opens a socket in the calling thread's network namespace, with no group yet.
    ///
    /// # Errors
    /// When netlink sockets cannot be made.
    pub fn open(config: Config) -> Result<Self> {
        let socket = Socket::open(Family::Netfilter)?;
        socket.set_receive_buffer(config.receive_buffer.max((BUFFER + LARGEST_PACKET) as usize))?;
        Ok(Self {
            socket,
            batch: Batch::new((BUFFER + LARGEST_PACKET) as usize),
            held: VecDeque::new(),
            groups: Vec::new(),
            unaccounted: VecDeque::new(),
            config,
            conntrack: config.conntrack,
            seq: 0,
        })
    }

    /// Binds a group. Does not touch which logger the protocol families use.
    ///
    /// # Errors
    /// When the group is taken: by whom; without privilege; where the kernel has no nfnetlink_log.
    pub fn bind(&mut self, group: u16) -> Result<()> {
        let mut bound = self.try_bind(group);
        if bound.as_ref().is_err_and(|e| e.errno() == Some(libc::EOPNOTSUPP)) && self.conntrack {
            // Connections come along only where ctnetlink is there.
            self.conntrack = false;
            bound = self.try_bind(group);
        }
        match bound {
            Ok(()) => {
                // The instance is new, so its numbers start at 0.
                self.groups.push((group, Sequence::starting_at(0)));
                Ok(())
            }
            // EBUSY: taken by ourselves; EPERM: by another, or no privilege.
            Err(e) if matches!(e.errno(), Some(libc::EBUSY | libc::EPERM)) => Err(match holder(group) {
                Some(h) => Error::os("bind", format!("NFLOG group {group}, which is held by {h}"), busy())
                    .with_hint("a group has one reader: stop that program, or log to another group"),
                None => e,
            }),
            Err(e) if matches!(e.errno(), Some(libc::EINVAL | libc::EPROTONOSUPPORT)) => {
                Err(e.with_hint("this kernel may lack nfnetlink_log (CONFIG_NETFILTER_NETLINK_LOG)"))
            }
            Err(e) => Err(e),
        }
    }

    fn try_bind(&mut self, group: u16) -> Result<()> {
        let c = self.config;
        let flags = NFULNL_CFG_F_SEQ | if self.conntrack { NFULNL_CFG_F_CONNTRACK } else { 0 };
        let mut mode = [0; 6];
        mode[..4].copy_from_slice(&c.copy_range.to_be_bytes());
        mode[4] = NFULNL_COPY_PACKET;
        // One message, so that no packet slips through before the settings hold.
        self.command("bind", group, |b| {
            b.u8(NFULA_CFG_CMD, NFULNL_CFG_CMD_BIND)
                .attr(NFULA_CFG_MODE, &mode)
                .u32::<BE>(NFULA_CFG_TIMEOUT, c.timeout)
                .u32::<BE>(NFULA_CFG_NLBUFSIZ, BUFFER)
                .u32::<BE>(NFULA_CFG_QTHRESH, c.threshold)
                .u16::<BE>(NFULA_CFG_FLAGS, flags);
        })
    }

    /// Gives a group back.
    ///
    /// # Errors
    /// When it was not bound.
    pub fn unbind(&mut self, group: u16) -> Result<()> {
        self.command("unbind", group, |b| {
            b.u8(NFULA_CFG_CMD, NFULNL_CFG_CMD_UNBIND);
        })?;
        self.groups.retain(|(g, _)| *g != group);
        Ok(())
    }

    /// The groups that are bound.
    pub fn groups(&self) -> impl Iterator<Item = u16> {
        self.groups.iter().map(|(g, _)| *g)
    }

    /// Do packets carry their connection? Not where the kernel has no ctnetlink.
    pub fn has_conntrack(&self) -> bool {
        self.conntrack
    }

    /// Reads what is there, without waiting, and hands each packet and each loss to `each`. Returns false if nothing
    /// was there: then wait until the socket is readable.
    ///
    /// # Errors
    /// When the socket fails for good. Losses are no errors.
    pub fn receive(&mut self, mut each: impl FnMut(Received<'_>)) -> Result<bool> {
        if let Some((bytes, truncated)) = self.held.pop_front() {
            Tally { groups: &mut self.groups, unaccounted: &mut self.unaccounted }
                .datagram(&bytes, truncated, &mut each);
            return Ok(true);
        }
        match self.batch.receive(&self.socket) {
            Ok(n) => {
                let mut tally = Tally { groups: &mut self.groups, unaccounted: &mut self.unaccounted };
                for (d, bytes) in self.batch.datagrams().filter(|(d, _)| d.from_kernel) {
                    tally.datagram(bytes, d.truncated, &mut each);
                }
                Ok(n > 0)
            }
            Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                Tally { groups: &mut self.groups, unaccounted: &mut self.unaccounted }.complain(Cause::NoBuffers);
                Ok(true)
            }
            Err(e) => Err(Error::os("read", "NFLOG socket", e)),
        }
    }

    /// Has the socket told of a loss whose place among the packets has not been read yet?
    pub fn is_overrun(&self) -> bool {
        !self.unaccounted.is_empty()
    }

    /// The loss that the socket told of and that no later packet has put a number to. Ask once, at the end.
    pub fn unaccounted(&mut self) -> Option<Lost> {
        let cause = self.unaccounted.pop_front();
        self.unaccounted.clear();
        cause.map(|cause| Lost { group: None, count: None, cause })
    }

    /// Sends a command about a group and waits for its ack; packets that come meanwhile are kept.
    fn command(&mut self, op: &'static str, group: u16, write: impl FnOnce(&mut Builder)) -> Result<()> {
        let fail = |e: io::Error| Error::os(op, format!("NFLOG group {group}"), e);
        self.seq = self.seq.wrapping_add(1).max(1);
        let mut b = Builder::new();
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        b.nf_message(NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, flags, self.seq, libc::AF_UNSPEC as u8, group);
        write(&mut b);
        self.socket.send(&b.finish()).map_err(fail)?;
        let mut buf = vec![0; (BUFFER + LARGEST_PACKET) as usize];
        loop {
            let d = match self.socket.receive(&mut buf) {
                Ok(d) => d,
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                    Tally { groups: &mut self.groups, unaccounted: &mut self.unaccounted }.complain(Cause::NoBuffers);
                    continue;
                }
                Err(e) => return Err(fail(e)),
            };
            if !d.from_kernel {
                continue;
            }
            let bytes = buf.get(..d.len).unwrap_or(&[]);
            let ack =
                Messages::new(bytes).map_while(Result::ok).find(|m| m.kind == message::ERROR && m.seq == self.seq);
            match ack {
                Some(m) => {
                    let (code, _) = m.error().map_err(|e| e.of(op))?;
                    return if code == 0 { Ok(()) } else { Err(fail(message::errno(code))) };
                }
                None => self.held.push_back((bytes.to_vec(), d.truncated)),
            }
        }
    }
}

impl AsFd for Listener {
    /// Readable when packets are there.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn busy() -> io::Error {
    io::Error::from_raw_os_error(libc::EBUSY)
}

/// Counts what is missing while datagrams are read.
struct Tally<'a> {
    groups: &'a mut Vec<(u16, Sequence)>,
    unaccounted: &'a mut VecDeque<Cause>,
}

impl Tally<'_> {
    fn complain(&mut self, cause: Cause) {
        // Bounded, for a peer that overflows for ever without a packet of ours in between.
        if self.unaccounted.len() < 1024 {
            self.unaccounted.push_back(cause);
        }
        for (_, s) in self.groups.iter_mut() {
            s.blame = Some(cause);
        }
    }

    fn datagram(&mut self, bytes: &[u8], truncated: bool, each: &mut dyn FnMut(Received<'_>)) {
        for m in Messages::new(bytes) {
            match m {
                Ok(m) => self.message(&m, each),
                Err(_) if truncated => {} // the message that was cut: counted by the gap that it leaves
                Err(_) => each(Received::Lost(Lost { group: None, count: None, cause: Cause::Malformed })),
            }
        }
        if truncated {
            self.complain(Cause::Truncated);
        }
    }

    fn message(&mut self, m: &Message<'_>, each: &mut dyn FnMut(Received<'_>)) {
        let Some(parsed) = Packet::parse(m) else { return };
        let group = m.nfgen().map(|(n, _)| n.res_id).ok();
        let sequence = self.groups.iter_mut().find(|(g, _)| Some(*g) == group).map(|(_, s)| s);
        match parsed {
            Ok(p) => {
                if let Some((missing, cause)) = p.seq.zip(sequence).and_then(|(seq, s)| s.step(seq)) {
                    if self.unaccounted.front() == Some(&cause) {
                        self.unaccounted.pop_front();
                    }
                    each(Received::Lost(Lost { group, count: Some(missing), cause }));
                }
                each(Received::Packet(&p));
            }
            Err(_) => {
                if let Some(s) = sequence {
                    s.skip();
                }
                each(Received::Lost(Lost { group, count: Some(1), cause: Cause::Malformed }));
            }
        }
    }
}
