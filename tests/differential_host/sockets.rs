//! Sockets of the host that take packets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrStorage, bind, connect, listen, recv, setsockopt,
    socket, sockopt,
};

use crate::rng::Rng;

/// What takes packets at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Udp,
    Tcp,
}

/// A socket to be opened.
#[derive(Debug, Clone)]
pub struct Socket {
    pub kind: Kind,
    pub address: IpAddr,
    pub port: u16,
    pub v6only: bool,
    pub device: Option<&'static str>,
    pub peer: Option<SocketAddr>,
    pub group: Option<IpAddr>,
}

/// Ports that packets go to.
pub const PORTS: [u16; 5] = [53, 4000, 8080, 9000, 9];

impl Socket {
    pub fn random(r: &mut Rng) -> Self {
        let kind = r.pick(&[Kind::Udp, Kind::Udp, Kind::Udp, Kind::Tcp, Kind::Tcp]);
        let all: &[&str] = &[
            "0.0.0.0",
            "0.0.0.0",
            "::",
            "::",
            "10.9.1.1",
            "10.9.2.1",
            "127.0.0.1",
            "2001:db8:1::1",
            "2001:db8:2::1",
            "10.9.1.255",
            "224.0.0.251",
            "::1",
        ];
        let address: IpAddr = r.pick(all).parse().unwrap();
        let peer = match address {
            IpAddr::V4(_) => "10.9.1.2:5000",
            IpAddr::V6(_) => "[2001:db8:1::2]:5000",
        };
        let group: IpAddr = if address.is_ipv4() { [224, 0, 0, 251].into() } else { "ff02::fb".parse().unwrap() };
        let udp = kind == Kind::Udp;
        Self {
            kind,
            address: if kind == Kind::Tcp && (address.is_multicast() || address.to_string().ends_with(".255")) {
                Ipv4Addr::UNSPECIFIED.into()
            } else {
                address
            },
            port: r.pick(&PORTS[..4]),
            v6only: r.chance(30),
            device: r.chance(15).then(|| r.pick(&["v1", "v2", "v3"])),
            peer: (udp && r.chance(12) && !address.is_multicast()).then(|| peer.parse().unwrap()),
            group: (udp && r.chance(20)).then_some(group),
        }
    }

    /// Opens it; nothing if the kernel has no such sockets, or the port is taken.
    pub fn open(&self) -> Option<Open> {
        let family = if self.address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let fd = match self.kind {
            Kind::Tcp => socket(family, SockType::Stream, SockFlag::SOCK_NONBLOCK, None),
            Kind::Udp => socket(family, SockType::Datagram, SockFlag::SOCK_NONBLOCK, None),
        }
        .ok()?;
        if family == AddressFamily::Inet6 {
            setsockopt(&fd, sockopt::Ipv6V6Only, &self.v6only).ok()?;
        }
        if let Some(device) = self.device {
            setsockopt(&fd, sockopt::BindToDevice, &device.into()).ok()?;
        }
        let at = SocketAddr::new(self.address, self.port);
        bind(fd.as_raw_fd(), &SockaddrStorage::from(at)).ok()?;
        if self.kind == Kind::Tcp {
            listen(&fd, Backlog::new(64).unwrap()).ok()?;
        }
        if let Some(peer) = self.peer {
            connect(fd.as_raw_fd(), &SockaddrStorage::from(peer)).ok()?;
        }
        let fd = match self.group {
            Some(group) => {
                let udp = UdpSocket::from(fd);
                match group {
                    IpAddr::V4(group) => udp.join_multicast_v4(&group, &Ipv4Addr::new(10, 9, 1, 1)).ok()?,
                    IpAddr::V6(group) => udp.join_multicast_v6(&group, 2).ok()?,
                }
                OwnedFd::from(udp)
            }
            None => fd,
        };
        Some(Open { fd, what: self.clone() })
    }
}

/// An open one.
pub struct Open {
    fd: OwnedFd,
    pub what: Socket,
}

impl Open {
    /// What has come.
    pub fn take(&self) -> Option<Vec<u8>> {
        if self.what.kind == Kind::Tcp {
            return None;
        }
        let mut buffer = vec![0; 4096];
        let n = recv(self.fd.as_raw_fd(), &mut buffer, MsgFlags::empty()).ok()?;
        buffer.truncate(n);
        Some(buffer)
    }
}
