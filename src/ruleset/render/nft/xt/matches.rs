//! Matches.

mod address;
mod connection;
mod ipv6;
mod packet;
mod rate;
mod transport;

use nfblame_sys::xt::matches::Match;

pub use connection::masked;

use super::words::Span;
use super::{Context, Words, add};

/// Translates a match; false if libxtables does not.
pub fn translate(m: &Match<'_>, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    match m {
        Match::Addrtype(m) => address::addrtype(m, w),
        Match::Ah(m) => transport::ah(m, cx, w),
        Match::Cgroup(m) => packet::cgroup(m, w),
        Match::Cluster(m) => connection::cluster(m, w),
        // What a comment says is lost.
        Match::Comment(_) => true,
        Match::Connbytes(m) => connection::connbytes(m, w),
        Match::Connlabel(m) => connection::connlabel(m, w),
        Match::Connmark(m) => packet::mark("ct mark", m.mark, m.mask, m.invert != 0, w),
        Match::Conntrack(m) => connection::conntrack(m, cx, w),
        Match::Cpu(m) => packet::cpu(m, w),
        Match::Dccp(m) => transport::dccp(m, w),
        Match::Devgroup(m) => address::devgroup(m, cx, w),
        Match::Dscp(m) => packet::dscp(m, cx, w),
        Match::Ecn(m) => packet::ecn(m, w),
        Match::Esp(m) => transport::esp(m, w),
        Match::Frag(m) => ipv6::frag(m, w),
        Match::Hashlimit(m) => rate::hashlimit(m, cx, w),
        Match::Hbh(m) => ipv6::hop_by_hop(m, w),
        Match::Helper(m) => connection::helper(m, w),
        Match::Hl(m) => packet::hop_limit("ip6 hoplimit", m, w),
        Match::Icmp(m) => transport::icmp(m, w),
        Match::Icmp6(m) => transport::icmp6(m, w),
        Match::Ipcomp(m) => transport::ipcomp(m, w),
        Match::Iprange(m) => address::iprange(m, cx, w),
        Match::Length(m) => packet::length(m, w),
        Match::Limit(m) => rate::limit(m, w),
        Match::Mac(m) => address::mac(m, w),
        Match::Mark(m) => packet::mark("mark", m.mark, m.mask, m.invert != 0, w),
        Match::Mh(m) => ipv6::mobility(m, w),
        Match::Multiport(m) => transport::multiport(m, cx, w),
        Match::Owner(m) => packet::owner(m, w),
        Match::Pkttype(m) => packet::pkttype(m, w),
        Match::Policy(m) => packet::policy(m, w),
        Match::Quota(m) => rate::quota(m, w),
        Match::Realm(m) => packet::realm(m, cx, w),
        Match::Rpfilter(m) => address::rpfilter(m, w),
        Match::Rt(m) => ipv6::routing(m, w),
        Match::Sctp(m) => transport::sctp(m, w),
        Match::Statistic(m) => rate::statistic(m, w),
        Match::Tcp(m) => transport::tcp(m, w),
        Match::Tcpmss(m) => transport::tcpmss(m, w),
        Match::Time(m) => packet::time(m, w),
        Match::Ttl(m) => packet::hop_limit("ip ttl", m, w),
        Match::Udp(m) => transport::udp(m, w),
        _ => false,
    }
}

fn span<T: Copy>([low, high]: [T; 2]) -> Span<T> {
    Span(low, high)
}
