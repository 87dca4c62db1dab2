//! include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, fib_rules.h, neighbour.h, netconf.h: what libc lacks of them.

/// `RTM_GETROUTE`: answer with the FIB entry that matched, not with the route made of it.
pub const RTM_F_FIB_MATCH: u32 = 0x2000;
/// `RTM_GETROUTE`: answer with the table that the lookup ended in.
pub const RTM_F_LOOKUP_TABLE: u32 = 0x1000;

/// The IP protocol of a route lookup, one byte.
pub const RTA_IP_PROTO: u16 = 27;
/// The source port of a route lookup, big endian.
pub const RTA_SPORT: u16 = 28;
/// The destination port of a route lookup, big endian.
pub const RTA_DPORT: u16 = 29;
/// The next hop object of a route.
pub const RTA_NH_ID: u16 = 30;

/// `FIB_RULE_INVERT`: the rule matches what its selector does not.
pub const FIB_RULE_INVERT: u32 = 2;
/// `FR_ACT_TO_TBL`: look in a table.
pub const FR_ACT_TO_TBL: u8 = 1;
/// `FR_ACT_GOTO`: go on at another rule.
pub const FR_ACT_GOTO: u8 = 2;
/// `FR_ACT_NOP`: nothing.
pub const FR_ACT_NOP: u8 = 3;
/// `FR_ACT_BLACKHOLE`: drop without a word.
pub const FR_ACT_BLACKHOLE: u8 = 6;
/// `FR_ACT_UNREACHABLE`: drop with ENETUNREACH.
pub const FR_ACT_UNREACHABLE: u8 = 7;
/// `FR_ACT_PROHIBIT`: drop with EACCES.
pub const FR_ACT_PROHIBIT: u8 = 8;

/// Attributes of rules (`FRA_*`).
pub const FRA_DST: u16 = 1;
/// The source prefix.
pub const FRA_SRC: u16 = 2;
/// The input interface.
pub const FRA_IIFNAME: u16 = 3;
/// The rule that a goto leads to.
pub const FRA_GOTO: u16 = 4;
/// The preference.
pub const FRA_PRIORITY: u16 = 6;
/// The mark.
pub const FRA_FWMARK: u16 = 10;
/// The tunnel id.
pub const FRA_TUN_ID: u16 = 12;
/// Reject answers through interfaces of this group.
pub const FRA_SUPPRESS_IFGROUP: u16 = 13;
/// Reject answers with a prefix of this length or shorter.
pub const FRA_SUPPRESS_PREFIXLEN: u16 = 14;
/// The table.
pub const FRA_TABLE: u16 = 15;
/// The mask of the mark.
pub const FRA_FWMASK: u16 = 16;
/// The output interface.
pub const FRA_OIFNAME: u16 = 17;
/// Look in the table of the packet's VRF.
pub const FRA_L3MDEV: u16 = 19;
/// A range of user ids.
pub const FRA_UID_RANGE: u16 = 20;
/// Who made the rule.
pub const FRA_PROTOCOL: u16 = 21;
/// The IP protocol.
pub const FRA_IP_PROTO: u16 = 22;
/// A range of source ports, host order.
pub const FRA_SPORT_RANGE: u16 = 23;
/// A range of destination ports, host order.
pub const FRA_DPORT_RANGE: u16 = 24;
/// The DSCP, six bits.
pub const FRA_DSCP: u16 = 25;
/// Which bits of the source port are compared (since 6.15; also given where it is all of them).
pub const FRA_SPORT_MASK: u16 = 28;
/// Which bits of the destination port are compared, likewise.
pub const FRA_DPORT_MASK: u16 = 29;
/// Which bits of the DSCP are compared, likewise.
pub const FRA_DSCP_MASK: u16 = 30;

/// Attributes of `RTM_NEWNETCONF` (`NETCONFA_*`).
pub const NETCONFA_IFINDEX: u16 = 1;
/// Forwarding on or off.
pub const NETCONFA_FORWARDING: u16 = 2;
/// The reverse path filter of this interface alone.
pub const NETCONFA_RP_FILTER: u16 = 3;
/// Multicast forwarding.
pub const NETCONFA_MC_FORWARDING: u16 = 4;
/// Proxy neighbour discovery or ARP.
pub const NETCONFA_PROXY_NEIGH: u16 = 5;
/// Are routes over links without carrier ignored?
pub const NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN: u16 = 6;
/// Forwarding of directed broadcasts.
pub const NETCONFA_BC_FORWARDING: u16 = 8;
/// `NETCONFA_IFINDEX_ALL`.
pub const NETCONFA_IFINDEX_ALL: i32 = -1;
/// `NETCONFA_IFINDEX_DEFAULT`.
pub const NETCONFA_IFINDEX_DEFAULT: i32 = -2;

/// Attributes of neighbour tables (`NDTA_*`).
pub const NDTA_NAME: u16 = 1;
/// Entries below which nothing is collected.
pub const NDTA_THRESH1: u16 = 2;
/// Entries above which entries may be collected after five seconds.
pub const NDTA_THRESH2: u16 = 3;
/// The most entries.
pub const NDTA_THRESH3: u16 = 4;
/// `struct ndt_config`.
pub const NDTA_CONFIG: u16 = 5;
/// `struct ndt_stats`.
pub const NDTA_STATS: u16 = 7;

/// `VETH_INFO_PEER` (include/uapi/linux/veth.h): a `struct ifinfomsg` and its attributes.
pub const VETH_INFO_PEER: u16 = 1;

/// `IFLA_XDP_ATTACHED`.
pub const IFLA_XDP_ATTACHED: u16 = 2;
/// `IFLA_XDP_PROG_ID`.
pub const IFLA_XDP_PROG_ID: u16 = 4;
/// `IFLA_INET6_ADDR_GEN_MODE`.
pub const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
/// `IN6_ADDR_GEN_MODE_NONE`: no link-local address.
pub const IN6_ADDR_GEN_MODE_NONE: u8 = 1;
/// `RTAX_LOCK`: which metrics of a route are locked, by bit.
pub const RTAX_LOCK: u16 = 1;
/// `RTAX_MTU`: a metric of a route.
pub const RTAX_MTU: u16 = 2;
/// Realms.
pub const FRA_FLOW: u16 = 11;
/// Padding.
pub const FRA_PAD: u16 = 18;

/// What a bridge says of itself (`IFLA_BR_*`): VLANs are filtered.
pub const IFLA_BR_VLAN_FILTERING: u16 = 7;
/// It speaks the spanning tree protocol.
pub const IFLA_BR_STP_STATE: u16 = 5;
/// Which reserved group addresses it forwards.
pub const IFLA_BR_GROUP_FWD_MASK: u16 = 9;
/// It looks into multicast.
pub const IFLA_BR_MCAST_SNOOPING: u16 = 23;
/// Packets that it switches pass the rules for IPv4, whatever the setting of the namespace.
pub const IFLA_BR_NF_CALL_IPTABLES: u16 = 36;
/// The same for IPv6.
pub const IFLA_BR_NF_CALL_IP6TABLES: u16 = 37;
/// The same for ARP.
pub const IFLA_BR_NF_CALL_ARPTABLES: u16 = 38;
/// What a bridge says of a port (`IFLA_BRPORT_*`): its state of the spanning tree.
pub const IFLA_BRPORT_STATE: u16 = 1;
/// What comes in by it may leave by it.
pub const IFLA_BRPORT_MODE: u16 = 4;
/// The bridge remembers who is behind it.
pub const IFLA_BRPORT_LEARNING: u16 = 8;
/// It gets unicast to nobody known.
pub const IFLA_BRPORT_UNICAST_FLOOD: u16 = 9;
/// The bridge answers ARP for what is behind it, and floods nothing to it.
pub const IFLA_BRPORT_PROXYARP: u16 = 10;
/// It gets multicast.
pub const IFLA_BRPORT_MCAST_FLOOD: u16 = 27;
/// It gets broadcasts.
pub const IFLA_BRPORT_BCAST_FLOOD: u16 = 30;
/// Which reserved group addresses it forwards.
pub const IFLA_BRPORT_GROUP_FWD_MASK: u16 = 31;
/// It exchanges nothing with other isolated ports.
pub const IFLA_BRPORT_ISOLATED: u16 = 33;
/// Only hosts that are known behind it may send.
pub const IFLA_BRPORT_LOCKED: u16 = 39;
/// `BR_STATE_FORWARDING` (include/uapi/linux/if_bridge.h).
pub const BR_STATE_FORWARDING: u8 = 3;
