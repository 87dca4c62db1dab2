//! Small BPF programs at netfilter hooks and devices, for tests of what is said of such programs.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_PROG_TYPE_NETFILTER: u32 = 32;
const BPF_XDP: u32 = 37;
const BPF_NETFILTER: u32 = 45;
const XDP_DROP: u8 = 1;
/// `XDP_FLAGS_SKB_MODE`: by the network stack, not by the driver.
const SKB_MODE: u32 = 2;

/// Attaches a program that gives every packet the same verdict (0: drop, 1: accept) to a hook of netfilter, and detaches it
/// when what is returned is closed. `family` and `hook` are the kernel's numbers (`NFPROTO_IPV4`, `NF_INET_LOCAL_IN`).
///
/// # Errors
/// `EPERM` without `CAP_BPF` and `CAP_NET_ADMIN`; `EINVAL` before Linux 6.4, or without `CONFIG_NETFILTER_BPF_LINK`.
pub fn to_netfilter(family: u8, hook: u32, priority: i32, verdict: u8) -> io::Result<OwnedFd> {
    let program = load(BPF_PROG_TYPE_NETFILTER, BPF_NETFILTER, verdict)?;
    link(&program, [0, BPF_NETFILTER, 0], [u32::from(family), hook, priority as u32])
}

/// Attaches an XDP program that drops every packet to a device of the calling thread's namespace, and detaches it when what
/// is returned is closed.
///
/// # Errors
/// `EPERM` as above; `EINVAL` before Linux 5.9.
pub fn dropping_xdp(device: u32) -> io::Result<OwnedFd> {
    let program = load(BPF_PROG_TYPE_XDP, BPF_XDP, XDP_DROP)?;
    link(&program, [device, BPF_XDP, SKB_MODE], [0; 3])
}

/// Loads a program that returns a number.
fn load(kind: u32, attach: u32, returned: u8) -> io::Result<OwnedFd> {
    // r0 = number; exit. Each instruction is 8 bytes: code, registers, offset, number.
    let program = [0xb7, 0, 0, 0, returned, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0u8];
    let license = c"GPL";
    let mut attr = [0u64; 16];
    attr[0] = words(kind, (program.len() / 8) as u32);
    attr[1] = program.as_ptr() as u64;
    attr[2] = license.as_ptr() as u64;
    attr[8] = words(0, attach);
    // SAFETY: `attr` is as large as is said; it points to `program`, of the length that it says, and to a text that ends
    // with NUL; all live during the call.
    owned(unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, attr.as_ptr(), size_of_val(&attr)) })
}

/// Links it to a target, attach type and flags, and with what else that type of link has.
fn link(program: &OwnedFd, [target, attach, flags]: [u32; 3], more: [u32; 3]) -> io::Result<OwnedFd> {
    let attr = [
        words(program.as_raw_fd() as u32, target),
        words(attach, flags),
        words(more[0], more[1]),
        words(more[2], 0),
        0,
        0,
    ];
    // SAFETY: `attr` is as large as is said and alive during the call.
    owned(unsafe { libc::syscall(libc::SYS_bpf, BPF_LINK_CREATE, attr.as_ptr(), size_of_val(&attr)) })
}

/// Two neighbouring 32-bit fields of `union bpf_attr`.
fn words(first: u32, second: u32) -> u64 {
    let [a, b] = [first, second].map(u32::to_ne_bytes);
    u64::from_ne_bytes([a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]])
}

fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
    match libc::c_int::try_from(fd) {
        // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
