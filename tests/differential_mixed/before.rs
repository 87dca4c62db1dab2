//! What is done on the host before a packet is explained.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::lab::Lab;

/// One thing.
#[derive(Clone, PartialEq, Eq)]
pub enum Before {
    /// `ip` with these words.
    Ip(&'static str),
    /// All connections are forgotten.
    Forget,
    /// A program of the host begins a connection.
    Connect(IpAddr, u16),
    /// A program of the host writes to all its connections.
    Write,
    /// A program of the host closes all its connections.
    Close,
    /// Timers of two seconds run out.
    Pause,
}

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(words) => write!(f, "ip {words}; "),
            Self::Forget => write!(f, "conntrack -F; "),
            Self::Connect(to, port) => write!(f, "connect to {to} {port}; "),
            Self::Write => write!(f, "write to all connections; "),
            Self::Close => write!(f, "close all connections; "),
            Self::Pause => write!(f, "sleep 2; "),
        }
    }
}

impl Before {
    pub fn run(&self, lab: &Lab) {
        match self {
            Self::Ip(words) => {
                lab.host.ns.cmd("ip", &words.split(' ').collect::<Vec<_>>(), "");
            }
            Self::Forget => lab.host.forget(),
            Self::Connect(to, port) => lab.host.tcp.borrow_mut().connect(*to, *port),
            Self::Write => lab.host.tcp.borrow_mut().write(),
            Self::Close => lab.host.tcp.borrow_mut().close(),
            // The time itself is what is meant.
            Self::Pause => std::thread::sleep(Duration::from_secs(2)),
        }
    }
}
