//! The two system calls under legacy tables.
//!
//! `unsafe`: `getsockopt` and `setsockopt` with options that are structures of variable size, which nix lacks.
#![allow(unsafe_code, reason = "socket options of variable size have no safe wrapper")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::entry::Counters;

/// Asks for an option; `buf` carries the question in and the answer out. Returns the bytes answered.
pub(super) fn get(fd: BorrowedFd<'_>, level: i32, option: i32, buf: &mut [u8]) -> io::Result<usize> {
    let mut len = libc::socklen_t::try_from(buf.len()).map_err(|_| io::Error::from_raw_os_error(libc::EMSGSIZE))?;
    // SAFETY: the kernel writes at most `len` bytes to `buf`, which is that long, and the new length to `len`.
    let rc = unsafe { libc::getsockopt(fd.as_raw_fd(), level, option, buf.as_mut_ptr().cast(), &raw mut len) };
    if rc != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(len).unwrap_or(buf.len()).min(buf.len()))
}

/// Replaces a table. `request` is a `struct ipt_replace` with its entries; the place of its pointer to the old
/// counters is filled in here, and `counters` must have as many elements as `num_counters` says.
pub(super) fn replace(
    fd: BorrowedFd<'_>,
    level: i32,
    option: i32,
    request: &mut [u8],
    pointer_at: usize,
    counters: &mut [Counters],
) -> io::Result<()> {
    let einval = || io::Error::from_raw_os_error(libc::EINVAL);
    let pointer = (counters.as_mut_ptr() as usize).to_ne_bytes();
    request.get_mut(pointer_at..pointer_at + pointer.len()).ok_or_else(einval)?.copy_from_slice(&pointer);
    let declared = request.get(pointer_at - POINTER_GAP..).and_then(|r| r.first_chunk()).ok_or_else(einval)?;
    if u32::from_ne_bytes(*declared) as usize != counters.len() {
        return Err(einval());
    }
    let len = libc::socklen_t::try_from(request.len()).map_err(|_| einval())?;
    // SAFETY: the kernel reads `len` bytes of `request`, which is that long, and writes `num_counters` times 16 bytes
    // to where `counters` are: that many were checked to be there, of a type of that size that any bytes are valid for.
    let rc = unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, request.as_ptr().cast(), len) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// From `num_counters` to `counters` in `struct ipt_replace` (and `arpt_replace`: it is at a multiple of 8 in neither).
const POINTER_GAP: usize = 4;

const _: () = assert!(size_of::<Counters>() == 16);
