//! include/uapi/linux/netfilter.h

/// Protocol families of netfilter.
pub const NFPROTO_UNSPEC: u8 = 0;
/// IPv4 and IPv6 in one nf_tables table.
pub const NFPROTO_INET: u8 = 1;
/// IPv4.
pub const NFPROTO_IPV4: u8 = 2;
/// ARP.
pub const NFPROTO_ARP: u8 = 3;
/// Device ingress and egress.
pub const NFPROTO_NETDEV: u8 = 5;
/// Bridges.
pub const NFPROTO_BRIDGE: u8 = 7;
/// IPv6.
pub const NFPROTO_IPV6: u8 = 10;

/// Verdicts.
pub const NF_DROP: i32 = 0;
/// The packet goes on.
pub const NF_ACCEPT: i32 = 1;
/// Somebody else has the packet now.
pub const NF_STOLEN: i32 = 2;
/// To user space; the queue number is in the high 16 bits.
pub const NF_QUEUE: i32 = 3;
/// The hook is called again.
pub const NF_REPEAT: i32 = 4;
/// Obsolete.
pub const NF_STOP: i32 = 5;
