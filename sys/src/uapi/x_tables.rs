//! include/uapi/linux/netfilter/x_tables.h and the ip, ip6 and arp tables headers beside it.

/// Size of a target's or chain's name field (`XT_FUNCTION_MAXNAMELEN`).
pub const XT_FUNCTION_MAXNAMELEN: usize = 30;
/// Size of an extension's name field.
pub const XT_EXTENSION_MAXNAMELEN: usize = 29;
/// Size of a table's name field.
pub const XT_TABLE_MAXNAMELEN: usize = 32;

/// The name of the target that carries a verdict or a jump.
pub const XT_STANDARD_TARGET: &[u8] = b"";
/// The name of the target that heads a user-defined chain and ends a table.
pub const XT_ERROR_TARGET: &[u8] = b"ERROR";
/// The verdict of a target that lets the next rule decide.
pub const XT_CONTINUE: u32 = 0xffff_ffff;
/// The standard verdict of `-j RETURN`.
pub const XT_RETURN: i32 = -5;

/// The rule is about fragments behind the first (`struct ipt_ip`).
pub const IPT_F_FRAG: u8 = 0x01;
/// The jump is a goto (`struct ipt_ip`).
pub const IPT_F_GOTO: u8 = 0x02;

/// The rule cares about the upper protocol (`struct ip6t_ip6`).
pub const IP6T_F_PROTO: u8 = 0x01;
/// The rule cares about the traffic class.
pub const IP6T_F_TOS: u8 = 0x02;
/// The jump is a goto.
pub const IP6T_F_GOTO: u8 = 0x04;

/// `! -i`
pub const IPT_INV_VIA_IN: u8 = 0x01;
/// `! -o`
pub const IPT_INV_VIA_OUT: u8 = 0x02;
/// Type of service; only ip6 ever used it.
pub const IPT_INV_TOS: u8 = 0x04;
/// `! -s`
pub const IPT_INV_SRCIP: u8 = 0x08;
/// `! -d`
pub const IPT_INV_DSTIP: u8 = 0x10;
/// `! -f`
pub const IPT_INV_FRAG: u8 = 0x20;
/// `! -p`
pub const XT_INV_PROTO: u8 = 0x40;

/// Longest hardware address of an ARP rule.
pub const ARPT_DEV_ADDR_LEN_MAX: usize = 16;
/// `! -i`
pub const ARPT_INV_VIA_IN: u16 = 0x0001;
/// `! -o`
pub const ARPT_INV_VIA_OUT: u16 = 0x0002;
/// `! -s`
pub const ARPT_INV_SRCIP: u16 = 0x0004;
/// `! -d`
pub const ARPT_INV_TGTIP: u16 = 0x0008;
/// `! --src-mac`
pub const ARPT_INV_SRCDEVADDR: u16 = 0x0010;
/// `! --dst-mac`
pub const ARPT_INV_TGTDEVADDR: u16 = 0x0020;
/// `! --opcode`
pub const ARPT_INV_ARPOP: u16 = 0x0040;
/// `! --h-type`
pub const ARPT_INV_ARPHRD: u16 = 0x0080;
/// `! --proto-type`
pub const ARPT_INV_ARPPRO: u16 = 0x0100;
/// `! --h-length`
pub const ARPT_INV_ARPHLN: u16 = 0x0200;

/// Base of the socket options of ip and ip6 tables.
pub const IPT_BASE_CTL: i32 = 64;
/// Base of the socket options of arp tables.
pub const ARPT_BASE_CTL: i32 = 96;
/// Offset from the base, set: replace a whole table.
pub const SO_SET_REPLACE: i32 = 0;
/// Offset from the base, get: hooks and sizes of a table.
pub const SO_GET_INFO: i32 = 0;
/// Offset from the base, get: the entries of a table.
pub const SO_GET_ENTRIES: i32 = 1;
/// Offset from the base, get: is this revision of a match known? (+4 for ip6, none for arp)
pub const IPT_SO_GET_REVISION_MATCH: i32 = 2;
/// Offset from the base, get: is this revision of a target known? (+5 for ip6)
pub const IPT_SO_GET_REVISION_TARGET: i32 = 3;
/// The same for ip6 tables.
pub const IP6T_SO_GET_REVISION_MATCH: i32 = 4;
/// The same for ip6 tables.
pub const IP6T_SO_GET_REVISION_TARGET: i32 = 5;

/// Number of hooks of ip and ip6 tables.
pub const NF_INET_NUMHOOKS: usize = 5;
/// Number of hooks of arp tables.
pub const NF_ARP_NUMHOOKS: usize = 3;
