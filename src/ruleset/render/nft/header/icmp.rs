//! ICMP, ICMPv6 and IGMP: which fields there are depends on the type of the message.

use super::{Field, Header, Layer, Messages};
use crate::ruleset::render::nft::datatype::Type;

// ICMP types (include/uapi/linux/icmp.h).
pub const ECHO_REPLY: u8 = 0;
pub const DESTINATION_UNREACHABLE: u8 = 3;
pub const REDIRECT: u8 = 5;
pub const ECHO: u8 = 8;
// ICMPv6 types (include/uapi/linux/icmpv6.h).
pub const TOO_BIG6: u8 = 2;
pub const PARAMETER_PROBLEM6: u8 = 4;
pub const ECHO6: u8 = 128;
pub const ECHO_REPLY6: u8 = 129;
pub const LISTENER_QUERY6: u8 = 130;

pub static ICMP: Header = Header {
    name: "icmp",
    id: 4,
    layer: Layer::Transport,
    key: 1,
    bits: 0,
    upper: &[],
    fields: &[
        Field::NONE,
        Field::new("type", Type::ICMP_TYPE, 0, 8),
        Field::new("code", Type::ICMP_CODE, 8, 8),
        Field::number("checksum", 16, 16),
        Field::number("id", 32, 16).of(Messages::Echo),
        Field::number("sequence", 48, 16).of(Messages::Echo),
        Field::number("gateway", 32, 32).of(Messages::Redirect),
        Field::number("mtu", 48, 16).of(Messages::FragmentationNeeded),
    ],
};

pub static ICMP6: Header = Header {
    name: "icmpv6",
    id: 14,
    layer: Layer::Transport,
    key: 1,
    bits: 0,
    upper: &[],
    fields: &[
        Field::NONE,
        Field::new("type", Type::ICMP6_TYPE, 0, 8),
        Field::new("code", Type::ICMPV6_CODE, 8, 8),
        Field::number("checksum", 16, 16),
        Field::number("parameter-problem", 32, 32).of(Messages::ParameterProblem6),
        Field::number("mtu", 32, 32).of(Messages::TooBig6),
        Field::number("id", 32, 16).of(Messages::Echo6),
        Field::number("sequence", 48, 16).of(Messages::Echo6),
        Field::number("max-delay", 32, 16).of(Messages::ListenerQuery6),
    ],
};

pub static IGMP: Header = Header {
    name: "igmp",
    id: 5,
    layer: Layer::Transport,
    key: 0,
    bits: 0,
    upper: &[],
    fields: &[
        Field::NONE,
        Field::new("type", Type::IGMP_TYPE, 0, 8),
        Field::number("checksum", 16, 16),
        Field::number("mrt", 8, 8),
        Field::number("group", 32, 32),
    ],
};
