//! Netlink sockets.
//!
//! `unsafe`: `setsockopt` for the options of level `SOL_NETLINK` and `getsockopt` for `SO_NETNS_COOKIE`, which nix lacks.
#![allow(unsafe_code, reason = "SOL_NETLINK options have no safe wrapper")]

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{self, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sockopt};

use crate::error::{Error, Result};

/// Where nothing of netfilter is loaded, and nothing could be.
const NO_NFNETLINK: &str =
    "this kernel has no nfnetlink now: modprobe nfnetlink, or a kernel built with CONFIG_NETFILTER_NETLINK";

/// A netlink protocol (the third argument of `socket(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `NETLINK_ROUTE`.
    Route,
    /// `NETLINK_SOCK_DIAG`.
    SockDiag,
    /// `NETLINK_NETFILTER`.
    Netfilter,
    /// `NETLINK_XFRM`.
    Xfrm,
    /// `NETLINK_AUDIT`.
    Audit,
    /// `NETLINK_GENERIC`.
    Generic,
}

impl Family {
    fn protocol(self) -> SockProtocol {
        match self {
            Self::Route => SockProtocol::NetlinkRoute,
            Self::SockDiag => SockProtocol::NetlinkSockDiag,
            Self::Netfilter => SockProtocol::NetlinkNetFilter,
            Self::Xfrm => SockProtocol::NetlinkNetFilter,
            Self::Audit => SockProtocol::NetlinkAudit,
            Self::Generic => SockProtocol::NetlinkGeneric,
        }
    }
}

/// What one receive brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes in the buffer.
    pub len: usize,
    /// `MSG_TRUNC`: the datagram was larger than the buffer, and the rest of it is lost.
    pub truncated: bool,
    /// Did it come from the kernel (port id 0)? Anything else is not to be believed.
    pub from_kernel: bool,
}

/// Something that carries netlink datagrams: a [`Socket`], or a [`fake`](super::fake) in tests.
pub trait Transport {
    /// Sends one datagram.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()>;
    /// Receives one datagram. `ENOBUFS` means that earlier ones were lost.
    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Datagram>;
    /// Another handle that receives the same datagrams, each of which goes to one of the two, and does not wait: where
    /// none is there, its receiving fails with `WouldBlock`. None where there is no such handle.
    fn ahead(&self) -> Option<Box<dyn Transport + Send>> {
        None
    }
    /// A conversation of its own with the same kernel, in the same namespace. None where that cannot be had.
    fn another(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// A netlink socket, bound to a port id of the kernel's choice, in the namespace of the thread that opened it.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    family: Family,
    port: u32,
    /// How to receive.
    flags: MsgFlags,
}

impl Socket {
    /// Opens a blocking socket with extended acks and strict request checking where the kernel has them.
    pub fn open(family: Family) -> Result<Self> {
        let name = || format!("{family:?} netlink socket");
        let fail = |op, e: nix::Error| Error::os(op, name(), e);
        let fd = match family {
            Family::Xfrm => xfrm_socket().map_err(|e| Error::os("open", name(), e))?,
            _ => socket::socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, family.protocol())
                .map_err(|e| match (family, e) {
                    (Family::Netfilter, nix::Error::EPROTONOSUPPORT) => fail("open", e).with_hint(NO_NFNETLINK),
                    _ => fail("open", e),
                })?,
        };
        socket::bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0)).map_err(|e| fail("bind", e))?;
        let bound: NetlinkAddr = socket::getsockname(fd.as_raw_fd()).map_err(|e| fail("name", e))?;
        let socket = Self { fd, family, port: bound.pid(), flags: MsgFlags::empty() };
        // Old kernels lack either; everything works without, with poorer words.
        let _ = socket.set_option(libc::NETLINK_EXT_ACK, 1);
        if family == Family::Route {
            let _ = socket.set_option(libc::NETLINK_GET_STRICT_CHK, 1);
        }
        Ok(socket)
    }

    /// The port id that the kernel gave it: what owns NFLOG groups and owner-flagged tables.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Joins a multicast group.
    pub fn join(&self, group: u32) -> Result<()> {
        self.set_option(libc::NETLINK_ADD_MEMBERSHIP, group as libc::c_int)
            .map_err(|e| Error::os("join", format!("netlink multicast group {group}"), e))
    }

    /// Asks for a receive buffer of `bytes`, past the system's limit where privilege allows. Returns what it got.
    pub fn set_receive_buffer(&self, bytes: usize) -> Result<usize> {
        if socket::setsockopt(&self.fd, sockopt::RcvBufForce, &bytes).is_err() {
            socket::setsockopt(&self.fd, sockopt::RcvBuf, &bytes)
                .map_err(|e| Error::os("enlarge", "netlink receive buffer", e))?;
        }
        socket::getsockopt(&self.fd, sockopt::RcvBuf)
            .map_err(|e| Error::os("read the size of", "netlink receive buffer", e))
    }

    /// Lets a datagram be as large as `bytes`, past the system's limit where privilege allows: a batch is one datagram.
    pub fn set_send_buffer(&self, bytes: usize) -> Result<()> {
        socket::setsockopt(&self.fd, sockopt::SndBufForce, &bytes)
            .or_else(|_| socket::setsockopt(&self.fd, sockopt::SndBuf, &bytes))
            .map_err(|e| Error::os("enlarge", "netlink send buffer", e))
    }

    /// Makes reads return `EAGAIN` instead of waiting.
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        use nix::fcntl::{FcntlArg, OFlag, fcntl};
        let flags =
            fcntl(&self.fd, FcntlArg::F_GETFL).map_err(|e| Error::os("read the flags of", "netlink socket", e))?;
        let mut flags = OFlag::from_bits_retain(flags);
        flags.set(OFlag::O_NONBLOCK, on);
        fcntl(&self.fd, FcntlArg::F_SETFL(flags))
            .map(drop)
            .map_err(|e| Error::os("set the flags of", "netlink socket", e))
    }

    /// The number of its network namespace (`SO_NETNS_COOKIE`), which no other has.
    fn namespace(&self) -> Option<u64> {
        let (mut cookie, mut len) = (0u64, size_of::<u64>() as libc::socklen_t);
        // SAFETY: the pointers describe `cookie`, a live u64, which is what this option fills, and `len`, its size.
        let rc = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_NETNS_COOKIE,
                (&raw mut cookie).cast(),
                &raw mut len,
            )
        };
        (rc == 0 && len as usize == size_of::<u64>()).then_some(cookie)
    }

    fn set_option(&self, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
        // SAFETY: the pointer and size describe `value`, a live int, which is what every SOL_NETLINK option takes.
        let rc = unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_NETLINK,
                option,
                (&raw const value).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// `NETLINK_XFRM` is missing from nix's list of protocols.
fn xfrm_socket() -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    // SAFETY: socket(2) takes no pointers.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_XFRM) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above just made this descriptor and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Transport for Socket {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let kernel = NetlinkAddr::new(0, 0);
        loop {
            match socket::sendto(self.fd.as_raw_fd(), datagram, &kernel, MsgFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(nix::Error::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Datagram> {
        loop {
            let mut iov = [IoSliceMut::new(buf)];
            match socket::recvmsg::<NetlinkAddr>(self.fd.as_raw_fd(), &mut iov, None, self.flags) {
                Ok(r) => {
                    return Ok(Datagram {
                        len: r.bytes,
                        truncated: r.flags.contains(MsgFlags::MSG_TRUNC),
                        from_kernel: r.address.is_none_or(|a| a.pid() == 0),
                    });
                }
                Err(nix::Error::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn ahead(&self) -> Option<Box<dyn Transport + Send>> {
        let fd = self.fd.try_clone().ok()?;
        Some(Box::new(Self { fd, flags: MsgFlags::MSG_DONTWAIT, ..*self }))
    }

    fn another(&self) -> Option<Self> {
        // This thread may have gone to another namespace since; before Linux 5.14, there is no telling.
        let another = Self::open(self.family).ok()?;
        (self.namespace()? == another.namespace()?).then_some(another)
    }
}
