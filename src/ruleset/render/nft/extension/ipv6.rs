//! IPv6 extension headers.

use super::{Extension, Field};
use crate::ruleset::render::nft::datatype::Type;

pub static ALL: [&Extension; 5] = [&HOP_BY_HOP, &ROUTING, &FRAGMENT, &DESTINATION, &MOBILITY];

const NEXTHDR: Field = Field::new("nexthdr", Type::INET_PROTOCOL, 0, 8);
const HDRLENGTH: Field = Field::number("hdrlength", 8, 8);

static HOP_BY_HOP: Extension = Extension { name: "hbh", id: 1, number: 0, fields: &[Field::NONE, NEXTHDR, HDRLENGTH] };

pub static ROUTING: Extension = Extension {
    name: "rt",
    id: 2,
    number: 43,
    fields: &[Field::NONE, NEXTHDR, HDRLENGTH, Field::number("type", 16, 8), Field::number("seg-left", 24, 8)],
};

pub static ROUTING_0: Extension = Extension {
    name: "rt0",
    id: 3,
    number: 43,
    fields: &[
        Field::NONE,
        Field::number("reserved", 32, 32),
        Field::new("addr[1]", Type::IP6ADDR, 64, 128),
        Field::new("addr[2]", Type::IP6ADDR, 192, 128),
    ],
};

pub static ROUTING_2: Extension = Extension { name: "rt2", id: 4, number: 43, fields: &[] };

pub static SEGMENT_ROUTING: Extension = Extension {
    name: "srh",
    id: 5,
    number: 43,
    fields: &[
        Field::NONE,
        Field::number("last-entry", 32, 8),
        Field::number("flags", 40, 8),
        Field::number("tag", 48, 16),
        Field::new("sid[1]", Type::IP6ADDR, 64, 128),
        Field::new("sid[2]", Type::IP6ADDR, 192, 128),
    ],
};

static FRAGMENT: Extension = Extension {
    name: "frag",
    id: 6,
    number: 44,
    fields: &[
        Field::NONE,
        NEXTHDR,
        Field::number("reserved", 8, 8),
        Field::number("frag-off", 16, 13),
        Field::number("reserved2", 29, 2),
        Field::number("more-fragments", 31, 1),
        Field::number("id", 32, 32),
    ],
};

static DESTINATION: Extension =
    Extension { name: "dst", id: 7, number: 60, fields: &[Field::NONE, NEXTHDR, HDRLENGTH] };

static MOBILITY: Extension = Extension {
    name: "mh",
    id: 8,
    number: 135,
    fields: &[
        Field::NONE,
        NEXTHDR,
        HDRLENGTH,
        Field::new("type", Type::MH_TYPE, 16, 8),
        Field::number("reserved", 24, 8),
        Field::number("checksum", 32, 16),
    ],
};
