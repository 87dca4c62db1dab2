//! Link-layer headers, real and assumed.

use super::{ARP, Field, Header, IP, IP6, Layer};
use crate::ruleset::render::nft::datatype::Type;

static ETHERTYPES: [(u32, &Header); 5] =
    [(0x0800, &IP), (0x0806, &ARP), (0x86dd, &IP6), (0x8100, &VLAN), (0x88a8, &VLAN)];

pub static ETHER: Header = Header {
    name: "ether",
    id: 17,
    layer: Layer::Link,
    key: 3,
    bits: 112,
    upper: &ETHERTYPES,
    fields: &[
        Field::NONE,
        Field::new("daddr", Type::ETHERADDR, 0, 48),
        Field::new("saddr", Type::ETHERADDR, 48, 48),
        Field::new("type", Type::ETHERTYPE, 96, 16),
    ],
};

pub static VLAN: Header = Header {
    name: "vlan",
    id: 16,
    layer: Layer::Link,
    key: 5,
    bits: 32,
    upper: &ETHERTYPES,
    fields: &[
        Field::NONE,
        Field::number("pcp", 0, 3),
        Field::number("dei", 3, 1),
        Field::number("cfi", 3, 1),
        Field::number("id", 4, 12),
        Field::new("type", Type::ETHERTYPE, 16, 16),
    ],
};

/// What an `inet` table sees below IP: nothing but the family.
pub static INET: Header = Header {
    name: "inet",
    id: 0,
    layer: Layer::Link,
    key: 0,
    bits: 0,
    upper: &[(2, &IP), (10, &IP6)],
    fields: &[Field::meta("nfproto", Type::NFPROTO, 8)],
};

/// What a `netdev` table assumes of the link layer: the EtherType that the kernel keeps.
pub static NETDEV: Header = Header {
    name: "netdev",
    id: 0,
    layer: Layer::Link,
    key: 0,
    bits: 0,
    upper: &ETHERTYPES,
    fields: &[Field::meta("protocol", Type::ETHERTYPE, 16)],
};
