//! Sending packets, as they should be and as they should not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket};

/// A datagram.
pub struct Datagram {
    /// Its source; unspecified: what the kernel takes.
    pub from: IpAddr,
    /// Its destination.
    pub to: IpAddr,
    /// Its destination port.
    pub port: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// How long its content is.
    pub size: usize,
}

impl Datagram {
    /// One with one byte.
    pub fn to(to: IpAddr, port: u16) -> Self {
        let from = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        Self { from, to, port, ttl: 64, size: 1 }
    }

    /// Sends it from the calling thread's namespace.
    pub fn send(&self) -> Result<(), String> {
        let fail = |e: std::io::Error| format!("send to {} port {}: {e}", self.to, self.port);
        let socket = UdpSocket::bind((self.from, 0)).map_err(fail)?;
        let ttl = i32::from(self.ttl);
        if self.to.is_ipv4() {
            nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Ipv4Ttl, &ttl)
                .map_err(|e| e.to_string())?;
        } else {
            nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Ipv6Ttl, &ttl)
                .map_err(|e| e.to_string())?;
        }
        socket.send_to(&vec![b'x'; self.size], SocketAddr::new(self.to, self.port)).map(drop).map_err(fail)
    }
}

/// The ends of a packet that is made by hand.
#[derive(Clone, Copy)]
pub struct Ends {
    /// Its source.
    pub from: Ipv4Addr,
    /// Its destination.
    pub to: Ipv4Addr,
    /// Its destination port.
    pub port: u16,
}

/// Sends a TCP segment with nothing but the ACK flag.
pub fn ack(ends: Ends) -> Result<(), String> {
    let mut segment = vec![0u8; 20];
    segment[7] = 1;
    segment[11] = 1;
    segment[12] = 5 << 4;
    segment[13] = 0x10;
    segment[14..16].copy_from_slice(&1024u16.to_be_bytes());
    by_hand(ends, 6, segment, 16, 0)
}

/// Sends a datagram with one byte, whose checksum is right or wrong.
pub fn raw_udp(ends: Ends, is_right: bool) -> Result<(), String> {
    let datagram = vec![0, 0, 0, 0, 0, 9, 0, 0, b'x'];
    by_hand(ends, 17, datagram, 6, u16::from(!is_right))
}

/// Sends what begins with ports and has a checksum at `sum_at`, which is put in with that fault.
fn by_hand(ends: Ends, protocol: u8, mut bytes: Vec<u8>, sum_at: usize, fault: u16) -> Result<(), String> {
    let fail = |e: nix::Error| format!("a raw packet: {e}");
    bytes[..2].copy_from_slice(&40000u16.to_be_bytes());
    bytes[2..4].copy_from_slice(&ends.port.to_be_bytes());
    let length = (bytes.len() as u16).to_be_bytes();
    let pseudo = [&ends.from.octets()[..], &ends.to.octets(), &[0, protocol], &length].concat();
    let word = |w: &[u8]| u32::from(w[0]) << 8 | w.get(1).map_or(0, |b| u32::from(*b));
    let sum: u32 = pseudo.chunks(2).chain(bytes.chunks(2)).map(word).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    bytes[sum_at..sum_at + 2].copy_from_slice(&sum.wrapping_add(fault).to_be_bytes());
    // The kernel fills in the length and the checksum of the IP header.
    let mut packet = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0];
    packet.extend(ends.from.octets());
    packet.extend(ends.to.octets());
    packet.extend(bytes);
    let fd = socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw).map_err(fail)?;
    let to = SockaddrIn::from(std::net::SocketAddrV4::new(ends.to, 0));
    sendto(fd.as_raw_fd(), &packet, &to, MsgFlags::empty()).map(drop).map_err(fail)
}
