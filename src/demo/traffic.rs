//! Real packets: each probe sends exactly one packet that matters, and does not wait for an answer.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage};

/// What to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// A TCP connection attempt.
    Tcp(SocketAddr),
    /// A UDP datagram.
    Udp(SocketAddr),
    /// An ICMP or ICMPv6 echo request.
    Ping(IpAddr),
}

impl Probe {
    /// Sends it from the calling thread's namespace. The socket is returned: closing it could send more packets.
    pub fn send(self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(to) => {
                let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
                let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
                let fd = socket::socket(family, SockType::Stream, flags, None)?;
                match socket::connect(fd.as_raw_fd(), &SockaddrStorage::from(to)) {
                    Ok(()) | Err(nix::Error::EINPROGRESS) => Ok(fd),
                    Err(e) => Err(e.into()),
                }
            }
            Self::Udp(to) => {
                let any: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
                let socket = UdpSocket::bind(any)?;
                socket.send_to(b"nfblame", to)?;
                Ok(socket.into())
            }
            Self::Ping(to) => ping(to),
        }
    }
}

fn ping(to: IpAddr) -> io::Result<OwnedFd> {
    let (family, protocol, kind) = match to {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp, 8),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6, 128),
    };
    let fd = socket::socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    let mut message = vec![kind, 0, 0, 0, 0x6e, 0x66, 0, 1];
    message.extend_from_slice(b"nfblame!");
    if to.is_ipv4() {
        // The kernel fills in the checksum of ICMPv6, but not of ICMP.
        let sum = checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    socket::sendto(fd.as_raw_fd(), &message, &SockaddrStorage::from(SocketAddr::new(to, 0)), MsgFlags::empty())?;
    Ok(fd)
}

/// The Internet checksum.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|c| u32::from(u16::from_be_bytes([c[0], c.get(1).copied().unwrap_or(0)]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
