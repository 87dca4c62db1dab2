//! include/uapi/linux/netfilter/nfnetlink_log.h

/// A packet, to user space.
pub const NFULNL_MSG_PACKET: u8 = 0;
/// Binding and settings, to the kernel.
pub const NFULNL_MSG_CONFIG: u8 = 1;

/// `struct nfulnl_msg_packet_hdr`.
pub const NFULA_PACKET_HDR: u16 = 1;
/// `skb->mark`, absent when 0.
pub const NFULA_MARK: u16 = 2;
/// `struct nfulnl_msg_packet_timestamp`, up to the forward hook only.
pub const NFULA_TIMESTAMP: u16 = 3;
/// The device it came in by.
pub const NFULA_IFINDEX_INDEV: u16 = 4;
/// The device it goes out by.
pub const NFULA_IFINDEX_OUTDEV: u16 = 5;
/// The bridge port it came in by.
pub const NFULA_IFINDEX_PHYSINDEV: u16 = 6;
/// The bridge port it goes out by.
pub const NFULA_IFINDEX_PHYSOUTDEV: u16 = 7;
/// `struct nfulnl_msg_packet_hw`: the link layer address it came from.
pub const NFULA_HWADDR: u16 = 8;
/// The packet.
pub const NFULA_PAYLOAD: u16 = 9;
/// The log prefix, NUL-terminated.
pub const NFULA_PREFIX: u16 = 10;
/// The file system uid of the sending socket's file.
pub const NFULA_UID: u16 = 11;
/// Sequence number of the group.
pub const NFULA_SEQ: u16 = 12;
/// Sequence number of the namespace.
pub const NFULA_SEQ_GLOBAL: u16 = 13;
/// The file system gid of the sending socket's file.
pub const NFULA_GID: u16 = 14;
/// `ARPHRD_*`.
pub const NFULA_HWTYPE: u16 = 15;
/// The link layer header, `NFULA_HWLEN` bytes.
pub const NFULA_HWHEADER: u16 = 16;
/// The length of the link layer header.
pub const NFULA_HWLEN: u16 = 17;
/// Nested `CTA_*` attributes of the connection.
pub const NFULA_CT: u16 = 18;
/// `enum ip_conntrack_info`.
pub const NFULA_CT_INFO: u16 = 19;
/// Nested `NFULA_VLAN_*`.
pub const NFULA_VLAN: u16 = 20;
/// The whole link layer header as it stands before the network header, in the bridge and netdev families.
pub const NFULA_L2HDR: u16 = 21;
/// The last attribute known here.
pub const NFULA_MAX: u16 = NFULA_L2HDR;

/// The VLAN protocol.
pub const NFULA_VLAN_PROTO: u16 = 1;
/// The VLAN tag.
pub const NFULA_VLAN_TCI: u16 = 2;

/// `struct nfulnl_msg_config_cmd`.
pub const NFULA_CFG_CMD: u16 = 1;
/// `struct nfulnl_msg_config_mode`.
pub const NFULA_CFG_MODE: u16 = 2;
/// The size of the kernel's message buffer, 32 bits.
pub const NFULA_CFG_NLBUFSIZ: u16 = 3;
/// How long packets may wait in it, in hundredths of a second, 32 bits.
pub const NFULA_CFG_TIMEOUT: u16 = 4;
/// How many packets may wait in it, 32 bits.
pub const NFULA_CFG_QTHRESH: u16 = 5;
/// `NFULNL_CFG_F_*`, 16 bits.
pub const NFULA_CFG_FLAGS: u16 = 6;

/// Takes a group.
pub const NFULNL_CFG_CMD_BIND: u8 = 1;
/// Gives a group back.
pub const NFULNL_CFG_CMD_UNBIND: u8 = 2;

/// Metadata and packet.
pub const NFULNL_COPY_PACKET: u8 = 2;

/// Number the packets of the group.
pub const NFULNL_CFG_F_SEQ: u16 = 1;
/// Number the packets of the namespace.
pub const NFULNL_CFG_F_SEQ_GLOBAL: u16 = 2;
/// Send the connection along.
pub const NFULNL_CFG_F_CONNTRACK: u16 = 4;
