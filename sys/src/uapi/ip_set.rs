//! include/uapi/linux/netfilter/ipset/ip_set.h

/// The newest protocol this crate speaks (kernels since 4.20).
pub const IPSET_PROTOCOL: u8 = 7;
/// The oldest protocol this crate speaks.
pub const IPSET_PROTOCOL_MIN: u8 = 6;
/// The longest name of a set or type, with its NUL.
pub const IPSET_MAXNAMELEN: usize = 32;
/// No set has this index.
pub const IPSET_INVALID_ID: u16 = 65535;

/// Asks for the protocol versions.
pub const IPSET_CMD_PROTOCOL: u8 = 1;
/// Dumps sets.
pub const IPSET_CMD_LIST: u8 = 7;
/// Index by name (protocol 7).
pub const IPSET_CMD_GET_BYNAME: u8 = 14;
/// Name by index (protocol 7).
pub const IPSET_CMD_GET_BYINDEX: u8 = 15;

/// Attributes of a command.
pub const IPSET_ATTR_PROTOCOL: u16 = 1;
/// A set's name.
pub const IPSET_ATTR_SETNAME: u16 = 2;
/// A type's name.
pub const IPSET_ATTR_TYPENAME: u16 = 3;
/// The revision of the type.
pub const IPSET_ATTR_REVISION: u16 = 4;
/// `NFPROTO_*`.
pub const IPSET_ATTR_FAMILY: u16 = 5;
/// `IPSET_FLAG_LIST_*`.
pub const IPSET_ATTR_FLAGS: u16 = 6;
/// Nested: what the set was created with, or one element.
pub const IPSET_ATTR_DATA: u16 = 7;
/// Nested: a list of elements, each in an `IPSET_ATTR_DATA`.
pub const IPSET_ATTR_ADT: u16 = 8;
/// The oldest protocol the kernel speaks.
pub const IPSET_ATTR_PROTOCOL_MIN: u16 = 10;
/// A set's index.
pub const IPSET_ATTR_INDEX: u16 = 11;

/// Attributes of elements and of creation: the (first) address.
pub const IPSET_ATTR_IP: u16 = 1;
/// The end of an address range.
pub const IPSET_ATTR_IP_TO: u16 = 2;
/// A prefix length.
pub const IPSET_ATTR_CIDR: u16 = 3;
/// A port, or ICMP type and code in one.
pub const IPSET_ATTR_PORT: u16 = 4;
/// The end of a port range.
pub const IPSET_ATTR_PORT_TO: u16 = 5;
/// Seconds.
pub const IPSET_ATTR_TIMEOUT: u16 = 6;
/// `IPPROTO_*`.
pub const IPSET_ATTR_PROTO: u16 = 7;
/// `IPSET_FLAG_*` below.
pub const IPSET_ATTR_CADT_FLAGS: u16 = 8;
/// A packet mark.
pub const IPSET_ATTR_MARK: u16 = 10;
/// The bits of packet marks that count.
pub const IPSET_ATTR_MARKMASK: u16 = 11;
/// The bits of addresses that count.
pub const IPSET_ATTR_BITMASK: u16 = 12;

/// Attributes of creation: the seed of the hash.
pub const IPSET_ATTR_INITVAL: u16 = 17;
/// Buckets.
pub const IPSET_ATTR_HASHSIZE: u16 = 18;
/// The most elements.
pub const IPSET_ATTR_MAXELEM: u16 = 19;
/// The prefix length that counts.
pub const IPSET_ATTR_NETMASK: u16 = 20;
/// The most elements of a bucket.
pub const IPSET_ATTR_BUCKETSIZE: u16 = 21;
/// Obsolete.
pub const IPSET_ATTR_RESIZE: u16 = 22;
/// The first size of a list.
pub const IPSET_ATTR_SIZE: u16 = 23;
/// How many elements there are.
pub const IPSET_ATTR_ELEMENTS: u16 = 24;
/// How many rules and lists refer to it.
pub const IPSET_ATTR_REFERENCES: u16 = 25;
/// Bytes.
pub const IPSET_ATTR_MEMSIZE: u16 = 26;

/// Attributes of elements: a hardware address.
pub const IPSET_ATTR_ETHER: u16 = 17;
/// The name of a member set.
pub const IPSET_ATTR_NAME: u16 = 18;
/// The second address.
pub const IPSET_ATTR_IP2: u16 = 20;
/// The second prefix length.
pub const IPSET_ATTR_CIDR2: u16 = 21;
/// An interface name.
pub const IPSET_ATTR_IFACE: u16 = 23;
/// Bytes counted.
pub const IPSET_ATTR_BYTES: u16 = 24;
/// Packets counted.
pub const IPSET_ATTR_PACKETS: u16 = 25;
/// A comment.
pub const IPSET_ATTR_COMMENT: u16 = 26;
/// Packet mark and mask to set.
pub const IPSET_ATTR_SKBMARK: u16 = 27;
/// Traffic class to set.
pub const IPSET_ATTR_SKBPRIO: u16 = 28;
/// Hardware queue to set.
pub const IPSET_ATTR_SKBQUEUE: u16 = 29;
/// Alignment.
pub const IPSET_ATTR_PAD: u16 = 30;

/// Inside an address attribute: IPv4.
pub const IPSET_ATTR_IPADDR_IPV4: u16 = 1;
/// Inside an address attribute: IPv6.
pub const IPSET_ATTR_IPADDR_IPV6: u16 = 2;

/// `IPSET_ATTR_FLAGS` of a dump: headers without elements.
pub const IPSET_FLAG_LIST_HEADER: u32 = 1 << 2;

/// Match and target flags (`xt_set_info_match_v4.flags`): element counters stay as they are.
pub const IPSET_FLAG_SKIP_COUNTER_UPDATE: u32 = 1 << 3;
/// Counters of the member sets stay as they are.
pub const IPSET_FLAG_SKIP_SUBCOUNTER_UPDATE: u32 = 1 << 4;
/// The element's counters must match too.
pub const IPSET_FLAG_MATCH_COUNTERS: u32 = 1 << 5;
/// A `nomatch` element counts as a match.
pub const IPSET_FLAG_RETURN_NOMATCH: u32 = 1 << 7;
/// The target takes the mark from the element.
pub const IPSET_FLAG_MAP_SKBMARK: u32 = 1 << 8;
/// The target takes the traffic class from the element.
pub const IPSET_FLAG_MAP_SKBPRIO: u32 = 1 << 9;
/// The target takes the queue from the element.
pub const IPSET_FLAG_MAP_SKBQUEUE: u32 = 1 << 10;

/// `IPSET_ATTR_CADT_FLAGS` of an element: the interface is a bridge port.
pub const IPSET_FLAG_PHYSDEV: u32 = 1 << 1;
/// The element is an exception.
pub const IPSET_FLAG_NOMATCH: u32 = 1 << 2;
/// Of a set: elements count.
pub const IPSET_FLAG_WITH_COUNTERS: u32 = 1 << 3;
/// Of a set: elements have comments.
pub const IPSET_FLAG_WITH_COMMENT: u32 = 1 << 4;
/// Of a set: a full set throws out a random element.
pub const IPSET_FLAG_WITH_FORCEADD: u32 = 1 << 5;
/// Of a set: elements carry mark, class and queue.
pub const IPSET_FLAG_WITH_SKBINFO: u32 = 1 << 6;
/// Of an element: the interface name is a prefix.
pub const IPSET_FLAG_IFACE_WILDCARD: u32 = 1 << 7;

/// `enum ip_set_kopt`: the match is inverted.
pub const IPSET_INV_MATCH: u8 = 1 << 0;
/// The first dimension takes the source.
pub const IPSET_DIM_ONE_SRC: u8 = 1 << 1;
/// The second dimension takes the source.
pub const IPSET_DIM_TWO_SRC: u8 = 1 << 2;
/// The third dimension takes the source.
pub const IPSET_DIM_THREE_SRC: u8 = 1 << 3;
/// Set match revision 2: as [`IPSET_FLAG_RETURN_NOMATCH`].
pub const IPSET_RETURN_NOMATCH: u8 = 1 << 7;
/// The most dimensions of an element.
pub const IPSET_DIM_MAX: u8 = 6;

/// Counters are not compared.
pub const IPSET_COUNTER_NONE: u8 = 0;
/// Equal.
pub const IPSET_COUNTER_EQ: u8 = 1;
/// Not equal.
pub const IPSET_COUNTER_NE: u8 = 2;
/// Less than.
pub const IPSET_COUNTER_LT: u8 = 3;
/// Greater than.
pub const IPSET_COUNTER_GT: u8 = 4;

/// The `getsockopt` option of the old interface.
pub const SO_IP_SET: i32 = 83;
/// `IP_SET_OP_GET_BYINDEX`: name by index.
pub const IP_SET_OP_GET_BYINDEX: u32 = 7;
/// `IP_SET_OP_VERSION`: the protocol version.
pub const IP_SET_OP_VERSION: u32 = 0x100;
