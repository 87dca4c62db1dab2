//! Transport headers.

use super::{Field, Header, ICMP, ICMP6, IGMP, Layer};
use crate::ruleset::render::nft::datatype::Type;

/// What IP announces.
pub static PROTOCOLS: [(u32, &Header); 11] = [
    (1, &ICMP),
    (2, &IGMP),
    (6, &TCP),
    (17, &UDP),
    (33, &DCCP),
    (50, &ESP),
    (51, &AH),
    (58, &ICMP6),
    (108, &COMP),
    (132, &SCTP),
    (136, &UDPLITE),
];

/// What AH and IPComp announce.
static WRAPPED: [(u32, &Header); 8] =
    [(6, &TCP), (17, &UDP), (33, &DCCP), (50, &ESP), (51, &AH), (108, &COMP), (132, &SCTP), (136, &UDPLITE)];

const SPORT: Field = Field::new("sport", Type::INET_SERVICE, 0, 16);
const DPORT: Field = Field::new("dport", Type::INET_SERVICE, 16, 16);

const fn header(name: &'static str, id: u32, fields: &'static [Field]) -> Header {
    Header { name, id, layer: Layer::Transport, key: 0, bits: 0, upper: &[], fields }
}

pub static TCP: Header = header(
    "tcp",
    8,
    &[
        Field::NONE,
        SPORT,
        DPORT,
        Field::number("sequence", 32, 32),
        Field::number("ackseq", 64, 32),
        Field::number("doff", 96, 4),
        Field::number("reserved", 100, 4),
        Field::new("flags", Type::TCP_FLAG, 104, 8),
        Field::number("window", 112, 16),
        Field::number("checksum", 128, 16),
        Field::number("urgptr", 144, 16),
    ],
);

pub static UDP: Header =
    header("udp", 6, &[Field::NONE, SPORT, DPORT, Field::number("length", 32, 16), Field::number("checksum", 48, 16)]);

pub static UDPLITE: Header = header(
    "udplite",
    7,
    &[Field::NONE, SPORT, DPORT, Field::number("csumcov", 32, 16), Field::number("checksum", 48, 16)],
);

pub static DCCP: Header =
    header("dccp", 9, &[Field::NONE, SPORT, DPORT, Field::new("type", Type::DCCP_PKTTYPE, 67, 4)]);

pub static SCTP: Header =
    header("sctp", 10, &[Field::NONE, SPORT, DPORT, Field::number("vtag", 32, 32), Field::number("checksum", 64, 32)]);

/// Ports of whatever transport protocol.
pub static TH: Header = header("th", 11, &[Field::NONE, SPORT, DPORT]);

pub static ESP: Header =
    header("esp", 2, &[Field::NONE, Field::number("spi", 0, 32), Field::number("sequence", 32, 32)]);

pub static AH: Header = Header {
    key: 1,
    upper: &WRAPPED,
    ..header(
        "ah",
        1,
        &[
            Field::NONE,
            Field::new("nexthdr", Type::INET_PROTOCOL, 0, 8),
            Field::number("hdrlength", 8, 8),
            Field::number("reserved", 16, 16),
            Field::number("spi", 32, 32),
            Field::number("sequence", 64, 32),
        ],
    )
};

pub static COMP: Header = Header {
    key: 1,
    upper: &WRAPPED,
    ..header(
        "comp",
        3,
        &[
            Field::NONE,
            Field::new("nexthdr", Type::INET_PROTOCOL, 0, 8),
            Field::new("flags", Type::BITMASK, 8, 8),
            Field::number("cpi", 16, 16),
        ],
    )
};

/// What a transport header may be where the network protocol is not known.
pub static ANY_TRANSPORT: Header =
    Header { upper: &PROTOCOLS, ..header("inet-service", 0, &[Field::meta("l4proto", Type::INET_PROTOCOL, 8)]) };
