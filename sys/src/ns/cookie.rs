//! The number that a namespace never shares with another.
//!
//! `unsafe`: one `getsockopt`, of an option that nix lacks.
#![allow(unsafe_code, reason = "SO_NETNS_COOKIE has no safe wrapper")]

use std::io;
use std::os::fd::AsRawFd;

/// include/uapi/asm-generic/socket.h
const SO_NETNS_COOKIE: libc::c_int = 71;

/// The cookie of the calling thread's network namespace. Unlike the inode number it is not used again, until the next
/// boot. Linux 5.14.
///
/// # Errors
/// `ENOPROTOOPT` from older kernels.
pub fn cookie() -> io::Result<u64> {
    // Any socket will do; binding one is not needed, so that it works in an empty namespace too.
    let socket = nix::sys::socket::socket(
        nix::sys::socket::AddressFamily::Unix,
        nix::sys::socket::SockType::Datagram,
        nix::sys::socket::SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    let mut value = 0u64;
    let mut len = size_of::<u64>() as libc::socklen_t;
    // SAFETY: the pointers are to `value` and to its size, both alive during the call.
    let rc = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_NETNS_COOKIE, (&raw mut value).cast(), &raw mut len)
    };
    if rc == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}
