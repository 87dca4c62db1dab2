//! What nft calls that which an expression loads.

use crate::evaluate::nft::machine::Machine;
use crate::evaluate::{Context, Fact, Network};
use crate::ruleset::render::nft::symbols;
use crate::sys::nft::Expr;
use crate::sys::nft::expr::{CtKey, FibFlags, FibResult, MetaKey, Payload, PayloadBase};

use super::show::Show;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// The name of what an expression loads, how it is shown, and how long the whole of it is.
pub(super) fn name(cx: &Context<'_>, m: &Machine<'_>, e: &Expr, len: usize) -> (String, Show, usize) {
    match e {
        Expr::Payload(p) => payload(cx, m, p),
        Expr::Meta(e) => {
            let show = match e.key {
                MetaKey::Iifname
                | MetaKey::Oifname
                | MetaKey::BriIifname
                | MetaKey::BriOifname
                | MetaKey::Iifkind
                | MetaKey::Oifkind
                | MetaKey::Sdifname => Show::Name,
                MetaKey::Mark => Show::Mark,
                MetaKey::L4proto => Show::Protocol,
                MetaKey::Nfproto => Show::Named(&symbols::NFPROTO),
                MetaKey::Pkttype => Show::Named(&symbols::PKTTYPE),
                MetaKey::Protocol | MetaKey::BriIifvproto => Show::Hex,
                _ => Show::Host,
            };
            let plain = matches!(e.key, MetaKey::Iif | MetaKey::Oif | MetaKey::Iifname | MetaKey::Oifname);
            let whole = if show == Show::Name { 16 } else { len };
            (if plain { e.key.to_string() } else { format!("meta {}", e.key) }, show, whole)
        }
        Expr::Ct(e) => {
            let show = match e.key {
                CtKey::State => Show::Flags(&symbols::CT_STATE),
                CtKey::Status => Show::Flags(&symbols::CT_STATUS),
                CtKey::Direction => Show::Named(&symbols::CT_DIR),
                CtKey::Mark => Show::Mark,
                CtKey::Src | CtKey::Dst | CtKey::SrcIp | CtKey::DstIp | CtKey::SrcIp6 | CtKey::DstIp6 => Show::Address,
                CtKey::ProtoSrc | CtKey::ProtoDst => Show::Network,
                CtKey::Helper => Show::Name,
                _ => Show::Host,
            };
            let direction = e.direction.map_or_else(String::new, |d| format!("{d} "));
            (format!("ct {direction}{}", e.key), show, len)
        }
        Expr::Exthdr(e) => (format!("{} {} byte {}", e.op, e.kind, e.offset), Show::Hex, len),
        Expr::Fib(e) => {
            let show = match e.result {
                _ if e.flags.contains(FibFlags::PRESENT) => Show::Named(&symbols::BOOLEAN),
                FibResult::Addrtype => Show::Named(&symbols::FIB_ADDR),
                FibResult::Oifname => Show::Name,
                _ => Show::Host,
            };
            (format!("fib {}", e.result), show, len)
        }
        Expr::Rt(e) => (format!("rt {}", e.key), Show::Hex, len),
        Expr::Socket(e) => (format!("socket {}", e.key), Show::Host, len),
        Expr::Osf(_) => ("osf name".into(), Show::Name, len),
        Expr::Numgen(e) => (format!("numgen {}", e.kind), Show::Host, len),
        Expr::Hash(e) => (e.kind.to_string(), Show::Host, len),
        Expr::Xfrm(e) => (format!("ipsec {}", e.key), Show::Hex, len),
        Expr::Tunnel(e) => (format!("tunnel {}", e.key), Show::Host, len),
        Expr::Inner(_) => ("inner".into(), Show::Hex, len),
        Expr::Lookup(e) => (format!("map @{}", e.set), Show::Hex, len),
        _ => ("register".into(), Show::Hex, len),
    }
}

/// A field of a header: which one is clear from the packet, whose protocol the rule has compared before.
fn payload(cx: &Context<'_>, m: &Machine<'_>, p: &Payload) -> (String, Show, usize) {
    let protocol = match &m.info.transport {
        Fact::Is(t) => t.protocol,
        _ => 0,
    };
    let (o, n) = (p.offset, p.len);
    let found = match (p.base, cx.packet.network, protocol) {
        (PayloadBase::Network, Network::Ip4, _) => match (o, n) {
            (12, 1..=4) => Some(("ip saddr", Show::Address, 4)),
            (16, 1..=4) => Some(("ip daddr", Show::Address, 4)),
            (1, 1) => Some(("ip dscp", Show::Hex, 1)),
            (2, 2) => Some(("ip length", Show::Network, 2)),
            (4, 2) => Some(("ip id", Show::Network, 2)),
            (6, 2) => Some(("ip frag-off", Show::Hex, 2)),
            (8, 1) => Some(("ip ttl", Show::Network, 1)),
            (9, 1) => Some(("ip protocol", Show::Protocol, 1)),
            _ => None,
        },
        (PayloadBase::Network, Network::Ip6, _) => match (o, n) {
            (8, 1..=16) => Some(("ip6 saddr", Show::Address, 16)),
            (24, 1..=16) => Some(("ip6 daddr", Show::Address, 16)),
            (4, 2) => Some(("ip6 length", Show::Network, 2)),
            (6, 1) => Some(("ip6 nexthdr", Show::Protocol, 1)),
            (7, 1) => Some(("ip6 hoplimit", Show::Network, 1)),
            _ => None,
        },
        (PayloadBase::Network, Network::Arp, _) => match (o, n) {
            (6, 2) => Some(("arp operation", Show::Network, 2)),
            (14, 4) => Some(("arp saddr ip", Show::Address, 4)),
            (24, 4) => Some(("arp daddr ip", Show::Address, 4)),
            _ => None,
        },
        (PayloadBase::Transport, _, TCP) => match (o, n) {
            (0, 2) => Some(("tcp sport", Show::Network, 2)),
            (2, 2) => Some(("tcp dport", Show::Network, 2)),
            (13, 1) => Some(("tcp flags", Show::Flags(&symbols::TCP_FLAG), 1)),
            _ => None,
        },
        (PayloadBase::Transport, _, UDP) => match (o, n) {
            (0, 2) => Some(("udp sport", Show::Network, 2)),
            (2, 2) => Some(("udp dport", Show::Network, 2)),
            (4, 2) => Some(("udp length", Show::Network, 2)),
            _ => None,
        },
        (PayloadBase::Transport, _, ICMP | ICMPV6) => match (o, n, protocol) {
            (0, 1, ICMP) => Some(("icmp type", Show::Named(&symbols::ICMP_TYPE), 1)),
            (1, 1, ICMP) => Some(("icmp code", Show::Network, 1)),
            (0, 1, _) => Some(("icmpv6 type", Show::Named(&symbols::ICMP6_TYPE), 1)),
            (1, 1, _) => Some(("icmpv6 code", Show::Network, 1)),
            _ => None,
        },
        (PayloadBase::Transport, ..) => match (o, n) {
            (0, 2) => Some(("th sport", Show::Network, 2)),
            (2, 2) => Some(("th dport", Show::Network, 2)),
            _ => None,
        },
        (PayloadBase::Link, ..) => match (o, n) {
            (0, 6) => Some(("ether daddr", Show::Ethernet, 6)),
            (6, 6) => Some(("ether saddr", Show::Ethernet, 6)),
            (12, 2) => Some(("ether type", Show::Hex, 2)),
            _ => None,
        },
        _ => None,
    };
    match found {
        Some((name, show, whole)) => (name.into(), show, whole),
        None => {
            let base = match p.base {
                PayloadBase::Link => "ll",
                PayloadBase::Network => "nh",
                PayloadBase::Transport => "th",
                _ => "ih",
            };
            (format!("@{base},{},{}", o * 8, n * 8), Show::Hex, n as usize)
        }
    }
}
