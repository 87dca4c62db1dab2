//! Network headers.

use super::transport::PROTOCOLS;
use super::{Field, Header, Layer};
use crate::ruleset::render::nft::datatype::Type;

/// The index of `ip protocol`.
pub const IP_PROTOCOL: usize = 9;
/// The index of `ip6 nexthdr`.
pub const IP6_NEXTHDR: usize = 6;

pub static IP: Header = Header {
    name: "ip",
    id: 12,
    layer: Layer::Network,
    key: 0,
    bits: 0,
    upper: &PROTOCOLS,
    fields: &[
        Field::meta("l4proto", Type::INET_PROTOCOL, 8),
        Field::number("version", 0, 4),
        Field::number("hdrlength", 4, 4),
        Field::new("dscp", Type::DSCP, 8, 6),
        Field::new("ecn", Type::ECN, 14, 2),
        Field::number("length", 16, 16),
        Field::number("id", 32, 16),
        Field::number("frag-off", 48, 16),
        Field::number("ttl", 64, 8),
        Field::new("protocol", Type::INET_PROTOCOL, 72, 8),
        Field::number("checksum", 80, 16),
        Field::new("saddr", Type::IPADDR, 96, 32),
        Field::new("daddr", Type::IPADDR, 128, 32),
    ],
};

pub static IP6: Header = Header {
    name: "ip6",
    id: 13,
    layer: Layer::Network,
    key: 0,
    bits: 0,
    upper: &PROTOCOLS,
    fields: &[
        Field::meta("l4proto", Type::INET_PROTOCOL, 8),
        Field::number("version", 0, 4),
        Field::new("dscp", Type::DSCP, 4, 6),
        Field::new("ecn", Type::ECN, 10, 2),
        Field::number("flowlabel", 12, 20),
        Field::number("length", 32, 16),
        Field::new("nexthdr", Type::INET_PROTOCOL, 48, 8),
        Field::number("hoplimit", 56, 8),
        Field::new("saddr", Type::IP6ADDR, 64, 128),
        Field::new("daddr", Type::IP6ADDR, 192, 128),
    ],
};

pub static ARP: Header = Header {
    name: "arp",
    id: 15,
    layer: Layer::Network,
    key: 0,
    bits: 0,
    upper: &[],
    fields: &[
        Field::NONE,
        Field::number("htype", 0, 16),
        Field::new("ptype", Type::ETHERTYPE, 16, 16),
        Field::number("hlen", 32, 8),
        Field::number("plen", 40, 8),
        Field::new("operation", Type::ARPOP, 48, 16),
        Field::new("saddr ether", Type::ETHERADDR, 64, 48),
        Field::new("saddr ip", Type::IPADDR, 112, 32),
        Field::new("daddr ether", Type::ETHERADDR, 144, 48),
        Field::new("daddr ip", Type::IPADDR, 192, 32),
    ],
};
