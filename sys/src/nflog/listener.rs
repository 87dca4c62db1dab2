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

/// A group that is bound, or was and may still have packets in the socket.
#[derive(Debug)]
struct Group {
    number: u16,
    bound: bool,
    sequence: Sequence,
}

/// A socket that has bound NFLOG groups. They are given back when it is dropped, or its process killed.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    batch: Batch,
    /// Packets that came while an ack was waited for.
    held: VecDeque<(Vec<u8>, bool)>,
    groups: Vec<Group>,
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
        socket.set_nonblocking(true)?;
        socket.set_receive_buffer(config.receive_buffer.max((BUFFER + LARGEST_PACKET) as usize))?;
        Ok(Self {
            socket,
            batch: Batch::new((BUFFER + LARGEST_PACKET) as usize),
            held: VecDeque::new(),
            groups: Vec::new(),
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
        if bound.as_ref().is_err_and(|e| e.errno() == Some(libc::ENOBUFS)) {
            // The answer was lost among packets: asked again, the kernel says that we have it, or tries again.
            bound = self.try_bind(group);
            let ours = || holder(group).is_some_and(|h| h.port == self.socket.port());
            if bound.as_ref().is_err_and(|e| e.errno() == Some(libc::EBUSY)) && ours() {
                bound = Ok(());
            }
        }
        match bound {
            Ok(()) => {
                // The instance is new, so its numbers start at 0.
                let sequence = Sequence::starting_at(0);
                self.groups.retain(|g| g.number != group);
                self.groups.push(Group { number: group, bound: true, sequence });
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

    /// Gives a group back. The packets that the kernel has collected for it come at once.
    ///
    /// # Errors
    /// When the command cannot be sent.
    pub fn unbind(&mut self, group: u16) -> Result<()> {
        // Without asking for an answer, for which there may be no room.
        self.send("unbind", group, 0, |b| {
            b.u8(NFULA_CFG_CMD, NFULNL_CFG_CMD_UNBIND);
        })?;
        self.groups.iter_mut().filter(|g| g.number == group).for_each(|g| g.bound = false);
        Ok(())
    }

    /// The groups that are bound.
    pub fn groups(&self) -> impl Iterator<Item = u16> {
        self.groups.iter().filter(|g| g.bound).map(|g| g.number)
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
            Tally(&mut self.groups).datagram(&bytes, truncated, &mut each);
            return Ok(true);
        }
        match self.batch.receive(&self.socket) {
            Ok(n) => {
                let mut tally = Tally(&mut self.groups);
                for (d, bytes) in self.batch.datagrams().filter(|(d, _)| d.from_kernel) {
                    tally.datagram(bytes, d.truncated, &mut each);
                }
                Ok(n > 0)
            }
            Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                Tally(&mut self.groups).complain(Cause::NoBuffers);
                Ok(true)
            }
            Err(e) => Err(Error::os("read", "NFLOG socket", e)),
        }
    }

    /// Has the socket told of a loss whose place among the packets has not been read yet?
    pub fn is_overrun(&self) -> bool {
        self.complaint().is_some()
    }

    /// The loss that the socket told of and that no later packet has put a number to. Ask once, at the end.
    pub fn unaccounted(&self) -> Option<Lost> {
        self.complaint().map(|cause| Lost { group: None, count: None, cause })
    }

    /// A loss concerns one group at least: it is accounted for when a gap has been seen in any.
    fn complaint(&self) -> Option<Cause> {
        let mut pending = self.groups.iter().map(|g| g.sequence.unaccounted());
        pending.try_fold(None, |_, complaint| complaint.map(Some)).flatten()
    }

    /// Sends a command about a group and reads its ack; packets that are before it are kept.
    fn command(&mut self, op: &'static str, group: u16, write: impl FnOnce(&mut Builder)) -> Result<()> {
        let fail = |e: io::Error| Error::os(op, format!("NFLOG group {group}"), e);
        let seq = self.send(op, group, libc::NLM_F_ACK, write)?;
        let mut buf = vec![0; (BUFFER + LARGEST_PACKET) as usize];
        loop {
            let d = match self.socket.receive(&mut buf) {
                Ok(d) => d,
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                    Tally(&mut self.groups).complain(Cause::NoBuffers);
                    continue;
                }
                // The kernel answers before send returns, so that an answer that is not there has been lost.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    return Err(fail(io::Error::from_raw_os_error(libc::ENOBUFS)));
                }
                Err(e) => return Err(fail(e)),
            };
            if !d.from_kernel {
                continue;
            }
            let bytes = buf.get(..d.len).unwrap_or(&[]);
            let ack = Messages::new(bytes).map_while(Result::ok).find(|m| m.kind == message::ERROR && m.seq == seq);
            match ack {
                Some(m) => {
                    let (code, _) = m.error().map_err(|e| e.of(op))?;
                    return if code == 0 { Ok(()) } else { Err(fail(message::errno(code))) };
                }
                None => self.held.push_back((bytes.to_vec(), d.truncated)),
            }
        }
    }

    /// Sends a command about a group. Returns its sequence number.
    fn send(&mut self, op: &'static str, group: u16, flags: i32, write: impl FnOnce(&mut Builder)) -> Result<u32> {
        self.seq = self.seq.wrapping_add(1).max(1);
        let mut b = Builder::new();
        let flags = (libc::NLM_F_REQUEST | flags) as u16;
        b.nf_message(NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, flags, self.seq, libc::AF_UNSPEC as u8, group);
        write(&mut b);
        let sent = self.socket.send(&b.finish());
        sent.map_err(|e| Error::os(op, format!("NFLOG group {group}"), e)).map(|()| self.seq)
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
struct Tally<'a>(&'a mut [Group]);

impl Tally<'_> {
    fn complain(&mut self, cause: Cause) {
        self.0.iter_mut().for_each(|g| g.sequence.complain(cause));
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
        let sequence = self.0.iter_mut().find(|g| Some(g.number) == group).map(|g| &mut g.sequence);
        match parsed {
            Ok(p) => {
                if let Some((missing, cause)) = p.seq.zip(sequence).and_then(|(seq, s)| s.step(seq)) {
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
