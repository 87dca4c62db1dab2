//! Matches: one file for each extension or family of alike ones.

mod address;
mod addrtype;
mod bpf;
pub mod bridge;
mod connection;
mod conntrack;
mod dccp;
mod device;
mod hashlimit;
mod header;
mod icmp;
mod ip6header;
mod ip6opts;
mod ipsec;
mod l2tp;
mod limit;
mod mark;
mod multiport;
mod owner;
pub mod recent;
mod routing;
mod rpfilter;
mod sctp;
mod set;
mod socket;
mod string;
mod tcp;
mod time;
mod u32;
mod udp;

use std::borrow::Cow;
use std::fmt::Debug;

use super::{Outcome, Param, Transport};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::ip6::Missing;
use crate::evaluate::packet::CUT;
use crate::sys::TextRef;
use crate::sys::xt::{Family, Match};

/// Does a match of nft_compat match the packet?
pub fn matches(cx: &mut Context, family: Family, m: &Match<'_>) -> Outcome {
    let transport = Transport::nft(cx).known();
    let param = Param::new(family, transport);
    let outcome = check(cx, &param, m);
    if param.doomed.get() { Outcome::HotDrop } else { outcome }
}

/// What a match finds; Err leaves early, with a hotdrop or with the answer to an open question.
type Checked = Result<bool, Outcome>;

/// The same, told where the transport header is.
pub(super) fn check(cx: &mut Context, param: &Param, m: &Match<'_>) -> Outcome {
    let checked = match m {
        Match::Comment(_) => Ok(true),
        Match::Tcp(m) => tcp::tcp(cx, param, m),
        Match::Tcpmss(m) => tcp::mss(cx, param, m),
        Match::Udp(m) => udp::check(cx, param, m),
        Match::Multiport(m) => multiport::check(cx, param, m),
        Match::Sctp(m) => sctp::check(cx, param, m),
        Match::Dccp(m) => dccp::check(cx, param, m),
        Match::Icmp(m) => icmp::check(cx, param, m, true),
        Match::Icmp6(m) => icmp::check(cx, param, m, false),
        Match::Esp(m) => ipsec::esp(cx, param, m),
        Match::Ah(m) => ipsec::ah(cx, param, m),
        Match::Ipcomp(m) => ipsec::ipcomp(cx, param, m),
        Match::Policy(m) => ipsec::policy(cx, m),
        Match::L2tp(m) => l2tp::check(cx, param, m),
        Match::Frag(m) => ip6header::frag(cx, m),
        Match::Ip6Header(m) => ip6header::which(cx, m),
        Match::Mh(m) => ip6header::mobility(cx, param, m),
        Match::Eui64 => address::eui64(cx),
        Match::Hbh(m) => ip6opts::check(cx, m, crate::evaluate::ip6::HOP),
        Match::Dst(m) => ip6opts::check(cx, m, crate::evaluate::ip6::DEST),
        Match::Rt(m) => routing::rt(cx, m),
        Match::Srh(m) => routing::srh(cx, m),
        Match::Tos(m) => header::tos(cx, m),
        Match::Dscp(m) => header::dscp(cx, m),
        Match::Ttl(m) => header::ttl(cx, m, "--ttl", 8),
        Match::Hl(m) => header::ttl(cx, m, "--hl", 7),
        Match::Ecn(m) => header::ecn(cx, param, m),
        Match::Length(m) => header::length(cx, param, m),
        Match::Iprange(m) => address::iprange(cx, m),
        Match::Mac(m) => address::mac(cx, m),
        Match::Addrtype(m) => addrtype::check(cx, param, m),
        Match::Rpfilter(m) => rpfilter::check(cx, m),
        Match::Mark(m) => mark::mark(cx, m),
        Match::Connmark(m) => mark::connmark(cx, m),
        Match::Realm(m) => mark::realm(cx, m),
        Match::Conntrack(m) => conntrack::conntrack(cx, m),
        Match::State(m) => conntrack::state(cx, m),
        Match::Connlabel(m) => connection::label(cx, m),
        Match::Connbytes(m) => connection::bytes(cx, m),
        Match::Helper(m) => connection::helper(cx, m),
        Match::Cluster(m) => connection::cluster(cx, m),
        Match::Connlimit(m) => limit::connlimit(cx, m),
        Match::Limit(m) => limit::limit(cx, m),
        Match::Hashlimit(m) => hashlimit::check(cx, param, m),
        Match::Quota(m) => limit::quota(cx, m),
        Match::Statistic(m) => limit::statistic(cx, m),
        Match::Rateest(m) => limit::rateest(cx, m),
        Match::Nfacct(m) => limit::nfacct(cx, m),
        Match::Recent(m) => recent::check(cx, m),
        Match::Physdev(m) => device::physdev(cx, m),
        Match::Devgroup(m) => device::group(cx, m),
        Match::Pkttype(m) => device::pkttype(cx, param, m),
        Match::Cpu(m) => device::cpu(cx, m),
        Match::Ipvs(m) => device::ipvs(cx, m),
        Match::Owner(m) => owner::owner(cx, m),
        Match::Cgroup(m) => owner::cgroup(cx, m),
        Match::Socket(m) => socket::check(cx, m),
        Match::Osf(m) => socket::osf(cx, m),
        Match::Set(m) => set::check(cx, m),
        Match::String(m) => string::check(cx, m),
        Match::U32(m) => u32::check(cx, m),
        Match::Bpf(m) => bpf::check(cx, m),
        Match::Time(m) => time::check(cx, m),
        Match::Unknown { name, revision, .. } => {
            Ok(cx.ask(format!("match {name} revision {revision}, which is not understood"), &[], true))
        }
        _ => Ok(cx.ask("a match without semantics here", &[], true)),
    };
    match checked {
        Ok(matched) => matched.into(),
        Err(outcome) => outcome,
    }
}

/// Leaves with the answer to an open question: does this match, given that so much is not known? It is asked once a
/// run for each `about`.
fn ask<T>(cx: &mut Context, what: impl Into<Cow<'static, str>>, about: &dyn Debug) -> Result<T, Outcome> {
    let what = what.into();
    let key = format!("{what} {about:?}");
    Err(cx.ask(what, key.as_bytes(), true).into())
}

/// The value of a fact, if it is one.
fn known<T>(cx: &mut Context, fact: Fact<T>, about: &dyn Debug) -> Result<Option<T>, Outcome> {
    match fact {
        Fact::Is(v) => Ok(Some(v)),
        Fact::Absent => Ok(None),
        Fact::Unknown(what) => ask(cx, what, about),
    }
}

/// What a match keeps beside the rules in a file of that name, if it is of now.
fn kept(cx: &Context, directory: &str, name: TextRef<'_>) -> Fact<String> {
    match std::str::from_utf8(name.as_bytes()) {
        Ok(name) if !name.contains('/') => cx.env.kept_by_match(&format!("{directory}/{name}")),
        _ => Fact::unknown("a file of that name"),
    }
}

/// Bytes without which the kernel drops the packet.
fn bytes<const N: usize>(cx: &mut Context, at: usize, about: &dyn Debug) -> Result<[u8; N], Outcome> {
    let fact = cx.packet.array(at);
    known(cx, fact, about)?.ok_or_else(|| malformed(cx))
}

/// The packet is too short for what is asked of it.
fn malformed(cx: &mut Context) -> Outcome {
    cx.miss("packet", || (Some("a whole header".into()), Some("a packet that ends before".into())));
    Outcome::HotDrop
}

/// Where the transport header is, whatever fragment this is.
fn place(cx: &mut Context, param: &Param, about: &dyn Debug) -> Result<Transport, Outcome> {
    match param.transport {
        Some(t) => Ok(t),
        None => ask(cx, CUT, about),
    }
}

/// The transport header; a later fragment does not match, and a packet too short for it dies.
fn header<const N: usize>(cx: &mut Context, param: &Param, about: &dyn Debug) -> Result<(usize, [u8; N]), Outcome> {
    let transport = place(cx, param, about)?;
    if transport.fragment != 0 {
        cx.miss("packet", || (Some("a transport header".into()), Some("a later fragment".into())));
        return Err(Outcome::No);
    }
    Ok((transport.offset, bytes(cx, transport.offset, about)?))
}

/// What `ipv6_find_hdr` found for a match that drops what it cannot take apart.
fn found<T>(cx: &mut Context, result: Result<T, Missing>, about: &dyn Debug) -> Result<Option<T>, Outcome> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Missing::Absent) => Ok(None),
        Err(Missing::Broken) => Err(malformed(cx)),
        Err(Missing::Cut) => ask(cx, CUT, about),
    }
}

/// Notes a condition that is not met; gives it back.
fn note(cx: &mut Context, met: bool, field: &'static str, wanted: impl Debug, have: impl Debug) -> bool {
    if !met {
        cx.miss(field, || (Some(format!("{wanted:?}")), Some(format!("{have:?}"))));
    }
    met
}

/// Is a number in a range, or with inversion, is it not?
fn range<T: Copy + PartialOrd + std::fmt::Display>(
    cx: &mut Context,
    field: &'static str,
    have: T,
    (low, high): (T, T),
    inverted: bool,
) -> bool {
    let met = (low <= have && have <= high) != inverted;
    if !met {
        cx.miss(field, || {
            let not = if inverted { "! " } else { "" };
            let wanted = if low == high { format!("{not}{low}") } else { format!("{not}{low}:{high}") };
            (Some(wanted), Some(have.to_string()))
        });
    }
    met
}
