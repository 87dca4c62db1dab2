//! What lies under the keys of `meta`, `ct`, `rt`, `socket` and `xfrm`.

use nfblame_sys::nft::expr::{CtKey, MetaKey, RtKey, SocketKey, XfrmKey};

use super::datatype::{Order, Type};
use super::header::Layer;

/// Type, order and width in bits of what is loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub ty: Type,
    pub order: Order,
    pub bits: u32,
}

const fn host(ty: Type, bits: u32) -> Shape {
    Shape { ty, order: Order::Host, bits }
}

const fn network(ty: Type, bits: u32) -> Shape {
    Shape { ty, order: Order::Network, bits }
}

/// Bits of an interface's name.
const NAME: u32 = 128;

/// The shape of a `meta` key; nothing for one that nft cannot name.
pub(super) fn meta(key: MetaKey) -> Option<Shape> {
    Some(match key {
        MetaKey::Length | MetaKey::Cpu | MetaKey::Cgroup | MetaKey::Secmark => host(Type::INTEGER, 32),
        MetaKey::Protocol | MetaKey::BriIifvproto => network(Type::ETHERTYPE, 16),
        MetaKey::Nfproto => host(Type::NFPROTO, 8),
        MetaKey::L4proto => host(Type::INET_PROTOCOL, 8),
        MetaKey::Priority => host(Type::CLASSID, 32),
        MetaKey::Mark => host(Type::MARK, 32),
        MetaKey::Iif | MetaKey::Oif | MetaKey::Sdif => host(Type::IFINDEX, 32),
        MetaKey::Iifname
        | MetaKey::Oifname
        | MetaKey::BriIifname
        | MetaKey::BriOifname
        | MetaKey::Iifkind
        | MetaKey::Oifkind
        | MetaKey::Sdifname => host(Type::IFNAME, NAME),
        MetaKey::Iiftype | MetaKey::Oiftype => host(Type::ARPHRD, 16),
        MetaKey::Skuid => host(Type::UID, 32),
        MetaKey::Skgid => host(Type::GID, 32),
        MetaKey::Nftrace => host(Type::INTEGER, 1),
        MetaKey::Rtclassid => host(Type::REALM, 32),
        MetaKey::Pkttype => host(Type::PKTTYPE, 8),
        MetaKey::Iifgroup | MetaKey::Oifgroup => host(Type::DEVGROUP, 32),
        // A random number has no order; nft never converts it.
        MetaKey::Random => network(Type::INTEGER, 32),
        MetaKey::Secpath => host(Type::BOOLEAN, 8),
        MetaKey::BriIifpvid => host(Type::INTEGER, 16),
        MetaKey::TimeNs => host(Type::DATE, 64),
        MetaKey::TimeDay => host(Type::DAY, 8),
        MetaKey::TimeHour => host(Type::HOUR, 32),
        // Later than nftables 1.0.6.
        MetaKey::BriBroute => host(Type::INTEGER, 1),
        MetaKey::BriIifhwaddr => network(Type::ETHERADDR, 48),
        MetaKey::Unknown(_) => return None,
    })
}

/// nft's word for a `meta` key.
pub(super) fn meta_name(key: MetaKey) -> &'static str {
    match key {
        MetaKey::Secpath => "ipsec",
        _ => key.name().unwrap_or("unknown"),
    }
}

/// Is `meta` left out before that key?
pub(super) fn meta_is_plain(key: MetaKey) -> bool {
    matches!(
        key,
        MetaKey::Iif | MetaKey::Oif | MetaKey::Iifname | MetaKey::Oifname | MetaKey::Iifgroup | MetaKey::Oifgroup
    )
}

/// The layer whose next header that key names, and whether it names one at all.
pub(super) fn meta_layer(key: MetaKey) -> (Layer, bool) {
    match key {
        MetaKey::Iiftype => (Layer::None, true),
        MetaKey::Nfproto | MetaKey::Protocol => (Layer::Link, true),
        MetaKey::L4proto => (Layer::Network, true),
        _ => (Layer::None, false),
    }
}

/// The shape of a `ct` key; nothing for one that nft cannot name.
pub(super) fn ct(key: CtKey) -> Option<Shape> {
    Some(match key {
        CtKey::State => host(Type::CT_STATE, 32),
        CtKey::Direction => host(Type::CT_DIR, 8),
        CtKey::Status => host(Type::CT_STATUS, 32),
        CtKey::Mark => host(Type::MARK, 32),
        CtKey::Secmark => host(Type::INTEGER, 32),
        CtKey::Expiration => host(Type::TIME, 32),
        CtKey::Helper => host(Type::STRING, 128),
        CtKey::L3protocol => host(Type::NFPROTO, 8),
        CtKey::Src | CtKey::Dst => network(Type::INVALID, 0),
        CtKey::Protocol => network(Type::INET_PROTOCOL, 8),
        CtKey::ProtoSrc | CtKey::ProtoDst => network(Type::INVALID, 16),
        CtKey::Labels => host(Type::CT_LABEL, 128),
        CtKey::Packets | CtKey::Bytes | CtKey::Avgpkt => host(Type::INTEGER, 64),
        CtKey::Zone => host(Type::INTEGER, 16),
        CtKey::Event => host(Type::CT_EVENT, 32),
        CtKey::SrcIp | CtKey::DstIp => network(Type::IPADDR, 32),
        CtKey::SrcIp6 | CtKey::DstIp6 => network(Type::IP6ADDR, 128),
        CtKey::Id => network(Type::INTEGER, 32),
        CtKey::Unknown(_) => return None,
    })
}

/// nft's words for a `ct` key.
pub(super) fn ct_name(key: CtKey) -> &'static str {
    match key {
        CtKey::SrcIp => "ip saddr",
        CtKey::DstIp => "ip daddr",
        CtKey::SrcIp6 => "ip6 saddr",
        CtKey::DstIp6 => "ip6 daddr",
        _ => key.name().unwrap_or("unknown"),
    }
}

/// The layer that a `ct` key belongs to, and whether it names the next header.
pub(super) fn ct_layer(key: CtKey) -> (Layer, bool) {
    match key {
        CtKey::Src | CtKey::Dst => (Layer::Network, false),
        CtKey::ProtoSrc | CtKey::ProtoDst => (Layer::Transport, false),
        CtKey::Protocol => (Layer::Network, true),
        CtKey::L3protocol => (Layer::Link, true),
        _ => (Layer::None, false),
    }
}

/// The shape of an `rt` key.
pub(super) fn rt(key: RtKey) -> Option<Shape> {
    Some(match key {
        RtKey::Classid => host(Type::REALM, 32),
        RtKey::Nexthop4 => network(Type::IPADDR, 32),
        RtKey::Nexthop6 => network(Type::IP6ADDR, 128),
        RtKey::Tcpmss => host(Type::INTEGER, 16),
        RtKey::Xfrm => host(Type::BOOLEAN, 8),
        RtKey::Unknown(_) => return None,
    })
}

/// The shape of a `socket` key.
pub(super) fn socket(key: SocketKey) -> Option<Shape> {
    Some(match key {
        SocketKey::Transparent | SocketKey::Wildcard => host(Type::INTEGER, 8),
        SocketKey::Mark => host(Type::MARK, 32),
        SocketKey::Cgroupv2 => host(Type::CGROUPV2, 64),
        SocketKey::Unknown(_) => return None,
    })
}

/// The shape of an `ipsec` key.
pub(super) fn xfrm(key: XfrmKey) -> Option<Shape> {
    Some(match key {
        XfrmKey::DaddrIp4 | XfrmKey::SaddrIp4 => network(Type::IPADDR, 32),
        XfrmKey::DaddrIp6 | XfrmKey::SaddrIp6 => network(Type::IP6ADDR, 128),
        XfrmKey::Reqid => host(Type::INTEGER, 32),
        XfrmKey::Spi => network(Type::INTEGER, 32),
        XfrmKey::Unknown(_) => return None,
    })
}
