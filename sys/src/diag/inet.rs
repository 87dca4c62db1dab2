//! One Internet socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use byteorder::NativeEndian;
use serde::{Serialize, Serializer};

use crate::error::Malformed;
use crate::netlink::{Attr, Attrs};
use crate::rt::Prefix;
use crate::uapi::inet_diag::*;

/// `struct inet_diag_msg`.
const HEADER: usize = 72;

/// A transport protocol whose sockets can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP, and MPTCP's subflows.
    Tcp,
    /// UDP.
    Udp,
    /// UDP-Lite.
    UdpLite,
    /// Raw sockets of any protocol.
    Raw,
}

impl Protocol {
    /// `IPPROTO_*`.
    pub fn number(self) -> u8 {
        (match self {
            Self::Tcp => libc::IPPROTO_TCP,
            Self::Udp => libc::IPPROTO_UDP,
            Self::UdpLite => libc::IPPROTO_UDPLITE,
            Self::Raw => libc::IPPROTO_RAW,
        }) as u8
    }

    /// From `IPPROTO_*`; None for a protocol without ports.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::UdpLite].into_iter().find(|p| p.number() == number)
    }

    /// The module that answers about it, and a function in it.
    pub fn module(self) -> (&'static str, &'static str) {
        match self {
            Self::Tcp => ("tcp_diag", "tcp_diag_dump"),
            Self::Udp => ("udp_diag", "udp_diag_dump"),
            Self::UdpLite => ("udp_diag", "udplite_diag_dump"),
            Self::Raw => ("raw_diag", "raw_diag_dump"),
        }
    }
}

/// The state of a socket (`TCP_*`, include/net/tcp_states.h). UDP sockets are `Established` when connected, else `Close`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketState {
    /// Data flows.
    Established,
    /// A SYN was sent.
    SynSent,
    /// A SYN was received.
    SynRecv,
    /// A FIN was sent.
    FinWait1,
    /// The FIN was acknowledged.
    FinWait2,
    /// Closed, remembered for a while.
    TimeWait,
    /// Not connected.
    Close,
    /// A FIN was received.
    CloseWait,
    /// A FIN was received, and ours sent.
    LastAck,
    /// Accepts connections.
    Listen,
    /// Both sides sent a FIN.
    Closing,
    /// A connection request (`TCP_NEW_SYN_RECV`).
    NewSynRecv,
    /// Another state.
    Unknown(u8),
}

impl SocketState {
    /// From its number.
    pub fn from_raw(raw: u8) -> Self {
        match raw {
            1 => Self::Established,
            2 => Self::SynSent,
            3 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            12 => Self::NewSynRecv,
            raw => Self::Unknown(raw),
        }
    }
}

impl fmt::Display for SocketState {
    /// The name that netstat(8) uses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
            Self::NewSynRecv => "NEW_SYN_RECV",
            Self::Unknown(raw) => return write!(f, "unknown({raw})"),
        })
    }
}

impl Serialize for SocketState {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A socket's receive memory (`INET_DIAG_SKMEMINFO`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SocketMemory {
    /// Bytes received and not read, with the kernel's overhead.
    pub used: u32,
    /// What they may come to.
    pub limit: u32,
    /// Packets dropped since the socket was made.
    pub drops: u32,
}

/// An Internet socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InetSocket {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// Its state.
    pub state: SocketState,
    /// The address it is bound to; unspecified means any.
    pub addr: IpAddr,
    /// The port it is bound to.
    pub port: u16,
    /// The other end's address; unspecified means none.
    pub peer: IpAddr,
    /// The other end's port; 0 means none.
    pub peer_port: u16,
    /// The interface that it is bound to (`SO_BINDTODEVICE`); 0: none.
    pub interface: u32,
    /// Bytes to be read; for a listener the connections that wait for accept(2).
    pub rqueue: u32,
    /// Bytes to be acknowledged; for a listener its backlog, the most that may wait.
    pub wqueue: u32,
    /// The user who owns it.
    pub uid: u32,
    /// Its inode; 0 if no process has it any more.
    pub inode: u32,
    /// An IPv6 socket that takes no IPv4 (`IPV6_V6ONLY`).
    pub v6only: Option<bool>,
    /// Its mark (`SO_MARK`), where we may see it.
    pub mark: Option<u32>,
    /// Takes packets for foreign addresses (`IP_TRANSPARENT`); None before Linux 5.18.
    pub transparent: Option<bool>,
    /// The id (inode) of its cgroup v2.
    pub cgroup: Option<u64>,
    /// The protocol of a raw socket.
    pub protocol: Option<u8>,
    /// Its receive memory.
    pub memory: Option<SocketMemory>,
    /// The peers that have to sign what they send (`TCP_MD5SIG`), where we may see them. Their keys are not read.
    pub signers: Vec<Prefix>,
}

impl InetSocket {
    /// A socket of which only the state and what it is bound to are known.
    pub fn bound(state: SocketState, addr: IpAddr, port: u16) -> Self {
        Self {
            family: if addr.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u8,
            state,
            addr,
            port,
            peer: if addr.is_ipv4() { [0; 4].into() } else { [0; 16].into() },
            peer_port: 0,
            interface: 0,
            rqueue: 0,
            wqueue: 0,
            uid: 0,
            inode: 0,
            v6only: None,
            mark: None,
            transparent: None,
            cgroup: None,
            protocol: None,
            memory: None,
            signers: Vec::new(),
        }
    }

    /// Is it bound to no address in particular?
    pub fn is_wildcard(&self) -> bool {
        self.addr.is_unspecified()
    }

    /// Does it take packets to `addr`, as far as addresses go? An IPv6 wildcard also takes IPv4, unless it says no;
    /// where the kernel does not say, the answer is None.
    pub fn takes(&self, addr: IpAddr) -> Option<bool> {
        match (self.addr, addr) {
            (IpAddr::V4(own), IpAddr::V4(to)) => Some(own.is_unspecified() || own == to),
            (IpAddr::V6(own), IpAddr::V6(to)) => Some(own.is_unspecified() || own == to),
            (IpAddr::V6(own), IpAddr::V4(_)) if own.is_unspecified() => self.v6only.map(|only| !only),
            (IpAddr::V6(own), IpAddr::V4(to)) => Some(own.to_ipv4_mapped() == Some(to)),
            (IpAddr::V4(_), IpAddr::V6(_)) => Some(false),
        }
    }

    /// Have more connections been made than its owner accepts (`sk_acceptq_is_full`)? Further ones are dropped.
    pub fn is_overflowing(&self) -> bool {
        self.state == SocketState::Listen && self.rqueue > self.wqueue
    }

    /// Reads the payload of a `SOCK_DIAG_BY_FAMILY` answer.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let h = payload.first_chunk::<HEADER>().ok_or(Malformed::Short { want: HEADER, have: payload.len() })?;
        let u32_at = |at: usize| u32::from_ne_bytes([h[at], h[at + 1], h[at + 2], h[at + 3]]);
        let family = h[0];
        let port = u16::from_be_bytes([h[4], h[5]]);
        let mut socket = Self {
            family,
            peer: address(family, h, 24),
            peer_port: u16::from_be_bytes([h[6], h[7]]),
            interface: u32_at(40),
            rqueue: u32_at(56),
            wqueue: u32_at(60),
            uid: u32_at(64),
            inode: u32_at(68),
            ..Self::bound(SocketState::from_raw(h[1]), address(family, h, 8), port)
        };
        for attr in Attrs::new(&payload[HEADER..]) {
            let attr = attr?;
            match attr.kind() {
                INET_DIAG_SKV6ONLY => socket.v6only = Some(attr.u8()? != 0),
                INET_DIAG_MARK => socket.mark = Some(attr.u32::<NativeEndian>()?),
                INET_DIAG_CGROUP_ID => socket.cgroup = Some(attr.u64::<NativeEndian>()?),
                INET_DIAG_PROTOCOL => socket.protocol = Some(attr.u8()?),
                INET_DIAG_SOCKOPT => socket.transparent = Some(attr.u8()? & transparent_bit() != 0),
                INET_DIAG_SKMEMINFO => socket.memory = memory(&attr),
                INET_DIAG_MD5SIG => socket.signers = signers(&attr),
                _ => {}
            }
        }
        Ok(socket)
    }
}

/// `inet_diag_sockopt.transparent`, the sixth bit field of its byte.
fn transparent_bit() -> u8 {
    if cfg!(target_endian = "little") { 1 << 5 } else { 1 << 2 }
}

fn address(family: u8, h: &[u8; HEADER], at: usize) -> IpAddr {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&h[at..at + 16]);
    end(family, bytes)
}

/// Of an IPv4 address the first four bytes count.
fn end(family: u8, bytes: [u8; 16]) -> IpAddr {
    match (i32::from(family), bytes) {
        (libc::AF_INET, [a, b, c, d, ..]) => Ipv4Addr::new(a, b, c, d).into(),
        _ => Ipv6Addr::from(bytes).into(),
    }
}

/// The ends of `struct tcp_diag_md5sig`: family, prefix length, the key's length, address, key.
fn signers(attr: &Attr<'_>) -> Vec<Prefix> {
    const SIZE: usize = 4 + 16 + 80;
    let (all, _) = attr.bytes().as_chunks::<SIZE>();
    all.iter()
        .map(|s| {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&s[4..20]);
            Prefix::new(end(s[0], bytes), s[1])
        })
        .collect()
}

fn memory(attr: &Attr<'_>) -> Option<SocketMemory> {
    let number = |n: usize| attr.bytes().get(n * 4..)?.first_chunk::<4>().map(|b| u32::from_ne_bytes(*b));
    Some(SocketMemory {
        used: number(SK_MEMINFO_RMEM_ALLOC)?,
        limit: number(SK_MEMINFO_RCVBUF)?,
        drops: number(SK_MEMINFO_DROPS).unwrap_or(0),
    })
}
