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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::evaluate::{Hook, Packet};

    fn reject(packet: Packet, family: Family, kind: RejectKind, code: Option<u8>) -> Step {
        on(packet, Hook::Input, &Host::default(), &table(family), |cx, m| eval(cx, m, &Reject { kind, code }))
    }

    fn told(name: &'static str) -> Step {
        Step::Verdict(Decision::Reject(RejectWith::Icmp(name.into())))
    }

    #[test]
    fn codes_have_the_names_of_their_protocol() {
        let udp4 = || ip4(17, &testing::udp(1, 2, b""));
        let udp6 = || ip6(89, &[0; 8]);
        assert_eq!(reject(udp4(), Family::Inet, RejectKind::IcmpxUnreach, Some(3)), told("icmp-admin-prohibited"));
        assert_eq!(reject(udp4(), Family::Inet, RejectKind::IcmpxUnreach, Some(1)), told("icmp-port-unreachable"));
        assert_eq!(reject(udp4(), Family::Ip, RejectKind::IcmpUnreach, Some(10)), told("icmp-host-prohibited"));
        let said = reject(udp6(), Family::Inet, RejectKind::IcmpxUnreach, Some(2));
        assert!(said == told("icmp6-addr-unreachable") || said == Step::Verdict(Decision::Drop), "{said:?}");
        let syn = ip4(6, &testing::tcp(1, 2, 2, &[]));
        assert_eq!(
            reject(syn, Family::Inet, RejectKind::TcpRst, None),
            Step::Verdict(Decision::Reject(RejectWith::TcpReset))
        );
    }

    #[test]
    fn nobody_is_told_of_a_broadcast_frame_or_of_arp() {
        let mut p = ip4(17, &testing::udp(1, 2, b""));
        p.link = Fact::Is(vec![0xff; 14]);
        assert_eq!(reject(p, Family::Bridge, RejectKind::IcmpxUnreach, Some(1)), Step::Verdict(Decision::Drop));
        let arp = Packet::new(Network::Arp, vec![0; 28]);
        assert_eq!(reject(arp, Family::Bridge, RejectKind::IcmpxUnreach, Some(1)), Step::Verdict(Decision::Drop));
    }
}
