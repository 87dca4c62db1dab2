//! The old interface of ipset, a socket option: the one way to ask whether ipset is there without loading it, and
//! the one way from index to name in protocol 6.
//!
//! `unsafe`: `getsockopt` with ipset's own structures.
#![allow(unsafe_code, reason = "SO_IP_SET has no safe wrapper")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::Text;
use crate::error::{Error, Result};
use crate::uapi::ip_set::{
    IP_SET_OP_GET_BYINDEX, IP_SET_OP_VERSION, IPSET_INVALID_ID, IPSET_MAXNAMELEN, IPSET_PROTOCOL_MIN, SO_IP_SET,
};

/// Is ipset there? A kernel without it knows no such option.
pub(super) fn loaded() -> Result<bool> {
    let mut request = [0u8; 8];
    request[..4].copy_from_slice(&IP_SET_OP_VERSION.to_ne_bytes());
    match ask(&mut request) {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.raw_os_error(), Some(libc::ENOPROTOOPT | libc::EOPNOTSUPP)) => Ok(false),
        Err(e) => Err(Error::os("look for", "ipset", e)),
    }
}

/// All sets, by index.
pub(super) fn names() -> Result<Vec<(u16, Text)>> {
    let mut names = Vec::new();
    for index in 0..IPSET_INVALID_ID {
        match name(index)? {
            Some(Some(name)) => names.push((index, name)),
            Some(None) => {}
            None => break,
        }
    }
    Ok(names)
}

/// The name of the set with that index: `None` beyond the kernel's table, `Some(None)` for an empty place in it.
pub(super) fn name(index: u16) -> Result<Option<Option<Text>>> {
    const NAME: usize = 8;
    // `struct ip_set_req_get_set`: op, version, and a union of name and index.
    let mut request = [0u8; NAME + IPSET_MAXNAMELEN];
    request[..4].copy_from_slice(&IP_SET_OP_GET_BYINDEX.to_ne_bytes());
    request[4..NAME].copy_from_slice(&u32::from(IPSET_PROTOCOL_MIN).to_ne_bytes());
    request[NAME..NAME + 2].copy_from_slice(&index.to_ne_bytes());
    match ask(&mut request) {
        Ok(()) => Ok(Some(Some(Text::from_c(&request[NAME..])).filter(|name| !name.is_empty()))),
        Err(e) if e.raw_os_error() == Some(libc::EINVAL) => Ok(None),
        Err(e) => Err(Error::os("look up", format!("ipset index {index}"), e)),
    }
}

fn ask(request: &mut [u8]) -> io::Result<()> {
    let fd: OwnedFd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut len = request.len() as libc::socklen_t;
    // SAFETY: pointer and length describe `request`, which outlives the call; the kernel writes at most that many bytes.
    let rc =
        unsafe { libc::getsockopt(fd.as_raw_fd(), libc::SOL_IP, SO_IP_SET, request.as_mut_ptr().cast(), &raw mut len) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
