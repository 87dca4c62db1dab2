//! Which BPF programs are attached to control groups, and at the traffic control hooks of devices (`bpf(2)`,
//! include/uapi/linux/bpf.h). Nothing is loaded or attached, but by [`attach`], for tests.
//!
//! `unsafe`: the system call itself, which no crate here wraps.
#![allow(unsafe_code, reason = "bpf(2) has no safe wrapper")]

pub mod attach;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::Text;

const BPF_PROG_GET_FD_BY_ID: libc::c_long = 13;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_long = 15;
const BPF_PROG_QUERY: libc::c_long = 16;
/// So many programs at one place are told.
const MOST: usize = 64;

/// Where programs are attached that see packets or sockets (`enum bpf_attach_type`), and what is lost to them.
pub const CGROUP_HOOKS: [(u32, &str); 12] = [
    (0, "ingress"),
    (1, "egress"),
    (2, "sock_create"),
    (8, "bind4"),
    (9, "bind6"),
    (10, "connect4"),
    (11, "connect6"),
    (14, "sendmsg4"),
    (15, "sendmsg6"),
    (19, "recvmsg4"),
    (20, "recvmsg6"),
    (3, "sock_ops"),
];

/// `BPF_TCX_INGRESS`: at a device, as packets come in (Linux 6.6).
pub const TCX_INGRESS: u32 = 46;
/// `BPF_TCX_EGRESS`
pub const TCX_EGRESS: u32 = 47;

/// The beginning of `union bpf_attr` as `BPF_PROG_QUERY` has it.
#[repr(C)]
#[derive(Default)]
struct Query {
    target: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    ids: u64,
    count: u32,
    pad: u32,
    more: [u64; 4],
}

/// The ids of the programs attached to a control group (an open directory of cgroup2).
///
/// # Errors
/// `EPERM` without `CAP_NET_ADMIN`; `EINVAL` where this kernel does not know the place.
pub fn at_cgroup(dir: BorrowedFd<'_>, attach_type: u32) -> io::Result<Vec<u32>> {
    query(dir.as_raw_fd() as u32, attach_type)
}

/// The ids of the programs attached to a device in the calling thread's network namespace.
///
/// # Errors
/// As [`at_cgroup`].
pub fn at_device(index: u32, attach_type: u32) -> io::Result<Vec<u32>> {
    query(index, attach_type)
}

fn query(target: u32, attach_type: u32) -> io::Result<Vec<u32>> {
    let mut ids = [0u32; MOST];
    let mut q = Query { target, attach_type, ids: ids.as_mut_ptr() as u64, count: MOST as u32, ..Query::default() };
    // SAFETY: `q` is as large as is said, and alive during the call, as is the array of `count` numbers that it points to.
    let rc = unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_QUERY, &raw mut q, size_of::<Query>()) };
    match (rc, io::Error::last_os_error()) {
        (0, _) => {}
        // More than there is room for: as many as fit have been written.
        (_, e) if e.raw_os_error() == Some(libc::ENOSPC) => {}
        (_, e) => return Err(e),
    }
    Ok(ids.iter().copied().take(q.count as usize).filter(|id| *id != 0).collect())
}

/// The name of a program; empty if it has none.
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN`; `ENOENT` if it has gone.
pub fn name(id: u32) -> io::Result<Text> {
    let attr = [u64::from(id), 0];
    // SAFETY: `attr` is as large as is said and alive during the call.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_GET_FD_BY_ID, attr.as_ptr(), size_of_val(&attr)) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) };
    // `struct bpf_prog_info` up to its name, which is 16 bytes at offset 64.
    let mut info = [0u64; 10];
    let length = size_of_val(&info) as u64;
    let length_first = if cfg!(target_endian = "little") { length << 32 } else { length };
    let number = fd.as_raw_fd() as u64;
    let first = if cfg!(target_endian = "little") { number | length_first } else { number << 32 | length_first };
    let attr = [first, info.as_mut_ptr() as u64];
    // SAFETY: `attr` is as large as is said; it points to `info`, of the length that it says; both live during the call.
    let rc = unsafe { libc::syscall(libc::SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, attr.as_ptr(), size_of_val(&attr)) };
    if rc != 0 {
        return Err(io::Error::last_os_error());
    }
    let bytes: Vec<u8> = info[8..].iter().flat_map(|w| w.to_ne_bytes()).take_while(|b| *b != 0).collect();
    Ok(Text::new(bytes))
}
