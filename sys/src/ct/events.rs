//! Connections as they come and go.

use std::os::fd::{AsFd, BorrowedFd};

use super::flow::Flow;
use crate::error::{Error, Result};
use crate::netlink::{Family, Messages, Socket, Transport};
use crate::uapi::nfnetlink::NFNL_SUBSYS_CTNETLINK;
use crate::uapi::nfnetlink_conntrack::*;

/// Larger than any datagram of events.
const BUFFER: usize = 64 * 1024;
const CREATED: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It began.
    New,
    /// Something about it changed.
    Update,
    /// It ended.
    Destroy,
}

/// A subscription to the changes of a namespace's connections.
#[derive(Debug)]
pub struct Events<T: Transport = Socket> {
    transport: T,
    buf: Vec<u8>,
}

impl Events<Socket> {
    /// Subscribes, with a receive buffer of about `buffer` bytes: changes that do not fit are lost, and said to be.
    pub fn open(buffer: usize) -> Result<Self> {
        let socket = Socket::open(Family::Netfilter)?;
        socket.set_receive_buffer(buffer)?;
        for group in [NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE, NFNLGRP_CONNTRACK_DESTROY] {
            socket.join(group)?;
        }
        Ok(Self::new(socket))
    }
}

impl<T: Transport> Events<T> {
    /// Reads from a transport that has joined the groups.
    pub fn new(transport: T) -> Self {
        Self { transport, buf: vec![0; BUFFER] }
    }

    /// Waits for changes and hands them to `each`.
    ///
    /// # Errors
    /// [`Error::Overrun`] when changes were lost; later ones can still be read.
    pub fn receive(&mut self, mut each: impl FnMut(Change, &Flow)) -> Result<()> {
        const OP: &str = "read changes of connections";
        let d = self.transport.receive(&mut self.buf).map_err(|e| match e.raw_os_error() {
            Some(libc::ENOBUFS) => Error::Overrun { what: OP },
            _ => Error::os(OP, "", e),
        })?;
        if d.truncated {
            return Err(Error::Truncated { what: OP, size: d.len });
        }
        if !d.from_kernel {
            return Ok(());
        }
        for m in Messages::new(self.buf.get(..d.len).unwrap_or(&[])) {
            let m = m.map_err(|e| e.of(OP))?;
            let [subsystem, message] = m.kind.to_be_bytes();
            let change = match message {
                _ if subsystem != NFNL_SUBSYS_CTNETLINK => continue,
                IPCTNL_MSG_CT_NEW if m.flags & CREATED != 0 => Change::New,
                IPCTNL_MSG_CT_NEW => Change::Update,
                IPCTNL_MSG_CT_DELETE => Change::Destroy,
                _ => continue,
            };
            let mut flow = m.nfgen().and_then(|(_, attrs)| Flow::parse(attrs)).map_err(|e| e.of(OP))?;
            flow.port = Some(m.port).filter(|port| *port != 0);
            each(change, &flow);
        }
        Ok(())
    }
}

impl AsFd for Events<Socket> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.transport.as_fd()
    }
}
