//! `reject`: the packet dies, and its sender is told.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::{Context, Decision, Fact, Network, RejectWith, reject};
use crate::sys::nft::Family;
use crate::sys::nft::expr::{IcmpxCode, Reject, RejectKind};

/// `nft_reject_inet_eval`, `nft_reject_bridge_eval` and their like
pub fn eval(cx: &mut Context<'_>, m: &Machine<'_>, e: &Reject) -> Step {
    // Below the IP layer nobody answers a broadcast, and whose address the frame has does not matter.
    let below = matches!(m.info.family, Family::Bridge | Family::Netdev);
    if below
        && let Fact::Is(link) = &cx.packet.link
        && link.first().is_some_and(|b| b & 1 == 1)
    {
        return Step::Verdict(Decision::Drop);
    }
    let with = match (e.kind, cx.packet.network) {
        (_, Network::Arp | Network::Other(_)) => None,
        (RejectKind::TcpRst, _) => Some(RejectWith::TcpReset),
        (RejectKind::IcmpUnreach, network) => Some(icmp(network, e.code.unwrap_or(0))),
        (RejectKind::IcmpxUnreach, network) => Some(icmp(network, code(e.icmpx(), network))),
        (RejectKind::Unknown(_), _) => None,
    };
    Step::Verdict(match with {
        Some(with) if below => Decision::Reject(with),
        Some(with) => reject::decide(cx, with),
        None => Decision::Drop,
    })
}

/// `nft_reject_icmp_code`, `nft_reject_icmpv6_code`
fn code(code: Option<IcmpxCode>, network: Network) -> u8 {
    match (code, network) {
        (Some(IcmpxCode::PortUnreachable), Network::Ip6) => 4,
        (Some(IcmpxCode::PortUnreachable), _) => 3,
        (Some(IcmpxCode::HostUnreachable), Network::Ip6) => 3,
        (Some(IcmpxCode::HostUnreachable), _) => 1,
        (Some(IcmpxCode::AdminProhibited), Network::Ip6) => 1,
        (Some(IcmpxCode::AdminProhibited), _) => 13,
        _ => 0,
    }
}

/// The code of a destination unreachable message, as iptables names it.
fn icmp(network: Network, code: u8) -> RejectWith {
    let name = match (network, code) {
        (Network::Ip6, 0) => "icmp6-no-route",
        (Network::Ip6, 1) => "icmp6-adm-prohibited",
        (Network::Ip6, 3) => "icmp6-addr-unreachable",
        (Network::Ip6, 4) => "icmp6-port-unreachable",
        (Network::Ip6, 5) => "icmp6-policy-fail",
        (Network::Ip6, 6) => "icmp6-reject-route",
        (Network::Ip6, n) => return RejectWith::Icmp(format!("icmp6 unreachable, code {n}").into()),
        (_, 0) => "icmp-net-unreachable",
        (_, 1) => "icmp-host-unreachable",
        (_, 2) => "icmp-proto-unreachable",
        (_, 3) => "icmp-port-unreachable",
        (_, 9) => "icmp-net-prohibited",
        (_, 10) => "icmp-host-prohibited",
        (_, 13) => "icmp-admin-prohibited",
        (_, n) => return RejectWith::Icmp(format!("icmp unreachable, code {n}").into()),
    };
    RejectWith::Icmp(name.into())
}
