//! TCP sockets of the host under test.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrStorage};

/// Where listeners wait, once there are any.
pub const LISTENS: [u16; 2] = [80, 8080];
/// More connections than that are not kept.
const MOST: usize = 16;

/// Listeners and connections; none at first.
#[derive(Default)]
pub struct Tcp {
    listeners: Vec<TcpListener>,
    streams: Vec<TcpStream>,
}

impl Tcp {
    /// Listens, on the thread's host.
    pub fn listen(&mut self) {
        self.listeners = LISTENS.map(|port| TcpListener::bind(("::", port)).unwrap()).into();
        self.listeners.iter().for_each(|l| l.set_nonblocking(true).unwrap());
    }

    /// Begins a connection; what comes of it shows on the wire.
    pub fn connect(&mut self, to: IpAddr, port: u16) {
        let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd: OwnedFd = socket::socket(family, SockType::Stream, flags, None).unwrap();
        let _ = socket::connect(fd.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(to, port)));
        self.keep(fd.into());
    }

    /// Writes to all connections.
    pub fn write(&mut self) {
        self.streams.iter_mut().for_each(|s| {
            let _ = s.write(b"word");
        });
    }

    /// Closes them.
    pub fn close(&mut self) {
        self.streams.clear();
    }

    fn keep(&mut self, stream: TcpStream) {
        if self.streams.len() == MOST {
            self.streams.remove(0);
        }
        self.streams.push(stream);
    }

    /// Takes what has come: connections and bytes.
    pub fn take(&mut self) {
        let mut buffer = [0; 4096];
        let new: Vec<TcpStream> =
            self.listeners.iter().flat_map(|l| std::iter::from_fn(|| l.accept().ok())).map(|(s, _)| s).collect();
        for stream in new {
            let _ = stream.set_nonblocking(true);
            self.keep(stream);
        }
        for stream in &mut self.streams {
            while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
        }
    }
}
