//! include/uapi/linux/sock_diag.h and inet_diag.h

/// The request and the answer.
pub const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `INET_DIAG_NOCOOKIE`, twice: any socket with these ends.
pub const INET_DIAG_NOCOOKIE: u32 = !0;

/// Attributes of an answer; requests name those they want by bit `1 << (attribute - 1)`.
pub const INET_DIAG_INFO: u16 = 2;
/// What the socket's buffers hold.
pub const INET_DIAG_SKMEMINFO: u16 = 7;
/// The protocol of a raw socket.
pub const INET_DIAG_PROTOCOL: u16 = 10;
/// Does an IPv6 socket refuse IPv4?
pub const INET_DIAG_SKV6ONLY: u16 = 11;
/// The socket's mark; only for `CAP_NET_ADMIN`.
pub const INET_DIAG_MARK: u16 = 15;
/// `struct tcp_diag_md5sig`, one for each peer that has a key; only for `CAP_NET_ADMIN`.
pub const INET_DIAG_MD5SIG: u16 = 18;
/// The id of its cgroup v2.
pub const INET_DIAG_CGROUP_ID: u16 = 21;
/// `struct inet_diag_sockopt`.
pub const INET_DIAG_SOCKOPT: u16 = 22;

/// Numbers of `INET_DIAG_SKMEMINFO`: bytes received and not read.
pub const SK_MEMINFO_RMEM_ALLOC: usize = 0;
/// The receive buffer's size.
pub const SK_MEMINFO_RCVBUF: usize = 1;
/// Packets dropped for want of room.
pub const SK_MEMINFO_DROPS: usize = 8;
