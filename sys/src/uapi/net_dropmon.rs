//! include/uapi/linux/net_dropmon.h

/// The name of the family.
pub const NET_DM: &str = "NET_DM";
/// The name of its multicast group.
pub const NET_DM_EVENTS: &str = "events";

/// Sets mode, length and queue.
pub const NET_DM_CMD_CONFIG: u8 = 2;
/// Begins to monitor.
pub const NET_DM_CMD_START: u8 = 3;
/// Ends it.
pub const NET_DM_CMD_STOP: u8 = 4;
/// A dropped packet.
pub const NET_DM_CMD_PACKET_ALERT: u8 = 5;
/// Asks for mode, length and queue.
pub const NET_DM_CMD_CONFIG_GET: u8 = 6;
/// Asks for the numbers of alerts that were lost.
pub const NET_DM_CMD_STATS_GET: u8 = 8;

/// u8: [`NET_DM_ALERT_MODE_PACKET`] or 0 for summaries.
pub const NET_DM_ATTR_ALERT_MODE: u16 = 1;
/// u64: the address of the instruction behind the one that freed it.
pub const NET_DM_ATTR_PC: u16 = 2;
/// String: the same as a symbol.
pub const NET_DM_ATTR_SYMBOL: u16 = 3;
/// Nested: the port that it came in by.
pub const NET_DM_ATTR_IN_PORT: u16 = 4;
/// u64: nanoseconds since the epoch.
pub const NET_DM_ATTR_TIMESTAMP: u16 = 5;
/// u16: the Ethertype, in host order.
pub const NET_DM_ATTR_PROTO: u16 = 6;
/// The packet, from its link layer header on.
pub const NET_DM_ATTR_PAYLOAD: u16 = 7;
/// u32: so much of each packet is copied; 0: all of it.
pub const NET_DM_ATTR_TRUNC_LEN: u16 = 9;
/// u32: the length of the packet.
pub const NET_DM_ATTR_ORIG_LEN: u16 = 10;
/// u32: so many packets may wait on each CPU.
pub const NET_DM_ATTR_QUEUE_LEN: u16 = 11;
/// Nested: what was lost of drops in software.
pub const NET_DM_ATTR_STATS: u16 = 12;
/// Nested: what was lost of drops in hardware.
pub const NET_DM_ATTR_HW_STATS: u16 = 13;
/// u16: 0 software, 1 hardware.
pub const NET_DM_ATTR_ORIGIN: u16 = 14;
/// String: the group of the hardware trap.
pub const NET_DM_ATTR_HW_TRAP_GROUP_NAME: u16 = 15;
/// String: the hardware trap.
pub const NET_DM_ATTR_HW_TRAP_NAME: u16 = 16;
/// Flag: start or stop drops in software.
pub const NET_DM_ATTR_SW_DROPS: u16 = 20;
/// String: `enum skb_drop_reason` without its prefix.
pub const NET_DM_ATTR_REASON: u16 = 23;

/// Each packet is sent.
pub const NET_DM_ALERT_MODE_PACKET: u8 = 1;

/// u32: index of the device.
pub const NET_DM_ATTR_PORT_NETDEV_IFINDEX: u16 = 0;
/// String: its name; only from hardware.
pub const NET_DM_ATTR_PORT_NETDEV_NAME: u16 = 1;

/// u64: lost.
pub const NET_DM_ATTR_STATS_DROPPED: u16 = 0;

/// `NET_DM_ORIGIN_HW`.
pub const NET_DM_ORIGIN_HW: u16 = 1;
