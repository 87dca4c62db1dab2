//! `-j REJECT`

use nfblame_sys::xt::targets::Reject;

use super::{Out, put};

pub(super) fn render(t: &Reject, out: &mut Out) {
    match reject_name(t) {
        Some(name) => put!(out, " --reject-with {name}"),
        None => out.unknown(format_args!("unknown {t:?}")),
    }
}

/// The name of an answer; none for those that the tools do not offer.
pub fn reject_name(t: &Reject) -> Option<&'static str> {
    Some(match t {
        Reject::Ip(0) => "icmp-net-unreachable",
        Reject::Ip(1) => "icmp-host-unreachable",
        Reject::Ip(2) => "icmp-proto-unreachable",
        Reject::Ip(3) => "icmp-port-unreachable",
        Reject::Ip(5) => "icmp-net-prohibited",
        Reject::Ip(6) => "icmp-host-prohibited",
        Reject::Ip(7) => "tcp-reset",
        Reject::Ip(8) => "icmp-admin-prohibited",
        Reject::Ip6(0) => "icmp6-no-route",
        Reject::Ip6(1) => "icmp6-adm-prohibited",
        Reject::Ip6(3) => "icmp6-addr-unreachable",
        Reject::Ip6(4) => "icmp6-port-unreachable",
        Reject::Ip6(6) => "tcp-reset",
        Reject::Ip6(7) => "icmp6-policy-fail",
        Reject::Ip6(8) => "icmp6-reject-route",
        _ => return None,
    })
}
