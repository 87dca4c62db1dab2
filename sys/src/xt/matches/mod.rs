//! Matches: one file per extension, each with the payloads of all its revisions.

mod addrtype;
mod ah;
mod bpf;
mod cgroup;
mod cluster;
mod comment;
mod connbytes;
mod connlabel;
mod connlimit;
mod connmark;
mod conntrack;
mod cpu;
mod dccp;
mod devgroup;
mod dscp;
mod ecn;
mod esp;
mod frag;
mod hashlimit;
mod helper;
mod icmp;
mod ip6header;
mod ip6opts;
mod ipcomp;
mod iprange;
mod ipvs;
mod l2tp;
mod length;
mod limit;
mod mac;
mod mark;
mod mh;
mod multiport;
mod names;
mod nfacct;
mod osf;
mod owner;
mod physdev;
mod pkttype;
mod policy;
mod quota;
mod rateest;
mod realm;
mod recent;
mod rpfilter;
mod rt;
mod sctp;
mod set;
mod socket;
mod srh;
mod state;
mod statistic;
mod string;
mod tcp;
mod tcpmss;
#[cfg(test)]
mod tests;
mod time;
mod tos;
mod ttl;
mod u32;
mod udp;

use serde::Serialize;

pub use addrtype::Addrtype;
pub use ah::Ah;
pub use bpf::{Bpf, Instruction, Program};
pub use cgroup::Cgroup;
pub use cluster::Cluster;
pub use comment::Comment;
pub use connbytes::Connbytes;
pub use connlabel::Connlabel;
pub use connlimit::Connlimit;
pub use connmark::Connmark;
pub use conntrack::Conntrack;
pub use cpu::Cpu;
pub use dccp::Dccp;
pub use devgroup::Devgroup;
pub use dscp::Dscp;
pub use ecn::Ecn;
pub use esp::Esp;
pub use frag::Frag;
pub use hashlimit::Hashlimit;
pub use helper::Helper;
pub use icmp::Icmp;
pub use ip6header::Ip6Header;
pub use ip6opts::Ip6Options;
pub use ipcomp::Ipcomp;
pub use iprange::Iprange;
pub use ipvs::Ipvs;
pub use l2tp::L2tp;
pub use length::Length;
pub use limit::Limit;
pub use mac::Mac;
pub use mark::Mark;
pub use mh::Mh;
pub use multiport::{Multiport, Ports};
pub use names::NAMES;
pub use nfacct::Nfacct;
pub use osf::Osf;
pub use owner::Owner;
pub use physdev::Physdev;
pub use pkttype::Pkttype;
pub use policy::{Policy, PolicyElement, PolicyElements};
pub use quota::Quota;
pub use rateest::Rateest;
pub use realm::Realm;
pub use recent::Recent;
pub use rpfilter::Rpfilter;
pub use rt::{Ip6Addresses, Routing};
pub use sctp::{ChunkFlags, Sctp};
pub use set::{Set, SetCounter};
pub use socket::Socket;
pub use srh::Srh;
pub use state::State;
pub use statistic::Statistic;
pub use string::StringMatch;
pub use tcp::Tcp;
pub use tcpmss::Tcpmss;
pub use time::Time;
pub use tos::Tos;
pub use ttl::Ttl;
pub use u32::{U32, U32Step, U32Test, U32Tests};
pub use udp::Udp;

use super::bytes::Bytes;
use super::family::Family;
use super::payload::RawMatch;
use crate::TextRef;

/// A match with its payload understood, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "match", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Match<'a> {
    /// `-m addrtype`
    Addrtype(Addrtype),
    /// `-m ah`
    Ah(Ah),
    /// `-m bpf`
    Bpf(Bpf<'a>),
    /// `-m cgroup`
    Cgroup(Cgroup<'a>),
    /// `-m cluster`
    Cluster(Cluster),
    /// `-m comment`
    Comment(Comment<'a>),
    /// `-m connbytes`
    Connbytes(Connbytes),
    /// `-m connlabel`
    Connlabel(Connlabel),
    /// `-m connlimit`
    Connlimit(Connlimit),
    /// `-m connmark`
    Connmark(Connmark),
    /// `-m conntrack`
    Conntrack(Conntrack),
    /// `-m cpu`
    Cpu(Cpu),
    /// `-m dccp`
    Dccp(Dccp),
    /// `-m devgroup`
    Devgroup(Devgroup),
    /// `-m dscp`
    Dscp(Dscp),
    /// `-m dst`
    Dst(Ip6Options),
    /// `-m ecn`
    Ecn(Ecn),
    /// `-m esp`
    Esp(Esp),
    /// `-m eui64`
    Eui64,
    /// `-m frag`
    Frag(Frag),
    /// `-m hashlimit`
    Hashlimit(Hashlimit<'a>),
    /// `-m hbh`
    Hbh(Ip6Options),
    /// `-m helper`
    Helper(Helper<'a>),
    /// `-m hl`
    Hl(Ttl),
    /// `-m icmp`
    Icmp(Icmp),
    /// `-m icmp6`
    Icmp6(Icmp),
    /// `-m ipv6header`
    #[serde(rename = "ipv6header")]
    Ip6Header(Ip6Header),
    /// `-m ipcomp`
    Ipcomp(Ipcomp),
    /// `-m iprange`
    Iprange(Iprange),
    /// `-m ipvs`
    Ipvs(Ipvs),
    /// `-m l2tp`
    L2tp(L2tp),
    /// `-m length`
    Length(Length),
    /// `-m limit`
    Limit(Limit),
    /// `-m mac`
    Mac(Mac),
    /// `-m mark`
    Mark(Mark),
    /// `-m mh`
    Mh(Mh),
    /// `-m multiport`
    Multiport(Multiport),
    /// `-m nfacct`
    Nfacct(Nfacct<'a>),
    /// `-m osf`
    Osf(Osf<'a>),
    /// `-m owner`
    Owner(Owner),
    /// `-m physdev`
    Physdev(Physdev<'a>),
    /// `-m pkttype`
    Pkttype(Pkttype),
    /// `-m policy`
    Policy(Policy<'a>),
    /// `-m quota`
    Quota(Quota),
    /// `-m rateest`
    Rateest(Rateest<'a>),
    /// `-m realm`
    Realm(Realm),
    /// `-m recent`
    Recent(Recent<'a>),
    /// `-m rpfilter`
    Rpfilter(Rpfilter),
    /// `-m rt`
    Rt(Routing<'a>),
    /// `-m sctp`
    Sctp(Sctp),
    /// `-m set`
    Set(Set),
    /// `-m socket`
    Socket(Socket),
    /// `-m srh`
    Srh(Srh),
    /// `-m state`
    State(State),
    /// `-m statistic`
    Statistic(Statistic),
    /// `-m string`
    String(StringMatch<'a>),
    /// `-m tcp`
    Tcp(Tcp),
    /// `-m tcpmss`
    Tcpmss(Tcpmss),
    /// `-m time`
    Time(Time),
    /// `-m tos`
    Tos(Tos),
    /// `-m ttl`
    Ttl(Ttl),
    /// `-m u32`
    U32(U32<'a>),
    /// `-m udp`
    Udp(Udp),
    /// An extension or revision that is not known here, or a payload too short for it.
    Unknown {
        /// The extension's name.
        name: TextRef<'a>,
        /// Its revision.
        revision: u8,
        /// The payload.
        data: Bytes<'a>,
    },
}

/// Understands the payload of a match, from a legacy entry or from an nft_compat expression.
pub fn decode<'a>(family: Family, name: &'a [u8], revision: u8, data: &'a [u8]) -> Match<'a> {
    let known = match name {
        b"addrtype" => Addrtype::decode(revision, data).map(Match::Addrtype),
        b"ah" => Ah::decode(family, revision, data).map(Match::Ah),
        b"bpf" => Bpf::decode(revision, data).map(Match::Bpf),
        b"cgroup" => Cgroup::decode(revision, data).map(Match::Cgroup),
        b"cluster" => Cluster::decode(revision, data).map(Match::Cluster),
        b"comment" => Comment::decode(revision, data).map(Match::Comment),
        b"connbytes" => Connbytes::decode(revision, data).map(Match::Connbytes),
        b"connlabel" => Connlabel::decode(revision, data).map(Match::Connlabel),
        b"connlimit" => Connlimit::decode(family, revision, data).map(Match::Connlimit),
        b"connmark" => Connmark::decode(revision, data).map(Match::Connmark),
        b"conntrack" => Conntrack::decode(family, revision, data).map(Match::Conntrack),
        b"cpu" => Cpu::decode(revision, data).map(Match::Cpu),
        b"dccp" => Dccp::decode(revision, data).map(Match::Dccp),
        b"devgroup" => Devgroup::decode(revision, data).map(Match::Devgroup),
        b"dscp" => Dscp::decode(revision, data).map(Match::Dscp),
        b"dst" => Ip6Options::decode(revision, data).map(Match::Dst),
        b"ecn" => Ecn::decode(revision, data).map(Match::Ecn),
        b"esp" => Esp::decode(revision, data).map(Match::Esp),
        b"eui64" => (revision == 0).then_some(Match::Eui64),
        b"frag" => Frag::decode(revision, data).map(Match::Frag),
        b"hashlimit" => Hashlimit::decode(revision, data).map(Match::Hashlimit),
        b"hbh" => Ip6Options::decode(revision, data).map(Match::Hbh),
        b"helper" => Helper::decode(revision, data).map(Match::Helper),
        b"hl" => Ttl::decode(revision, data).map(Match::Hl),
        b"icmp" => Icmp::decode(revision, data).map(Match::Icmp),
        b"icmp6" => Icmp::decode(revision, data).map(Match::Icmp6),
        b"ipcomp" => Ipcomp::decode(revision, data).map(Match::Ipcomp),
        b"iprange" => Iprange::decode(family, revision, data).map(Match::Iprange),
        b"ipv6header" => Ip6Header::decode(revision, data).map(Match::Ip6Header),
        b"ipvs" => Ipvs::decode(family, revision, data).map(Match::Ipvs),
        b"l2tp" => L2tp::decode(revision, data).map(Match::L2tp),
        b"length" => Length::decode(revision, data).map(Match::Length),
        b"limit" => Limit::decode(revision, data).map(Match::Limit),
        b"mac" => Mac::decode(revision, data).map(Match::Mac),
        b"mark" => Mark::decode(revision, data).map(Match::Mark),
        b"mh" => Mh::decode(revision, data).map(Match::Mh),
        b"multiport" => Multiport::decode(revision, data).map(Match::Multiport),
        b"nfacct" => Nfacct::decode(revision, data).map(Match::Nfacct),
        b"osf" => Osf::decode(revision, data).map(Match::Osf),
        b"owner" => Owner::decode(revision, data).map(Match::Owner),
        b"physdev" => Physdev::decode(revision, data).map(Match::Physdev),
        b"pkttype" => Pkttype::decode(revision, data).map(Match::Pkttype),
        b"policy" => Policy::decode(family, revision, data).map(Match::Policy),
        b"quota" => Quota::decode(revision, data).map(Match::Quota),
        b"rateest" => Rateest::decode(revision, data).map(Match::Rateest),
        b"realm" => Realm::decode(revision, data).map(Match::Realm),
        b"recent" => Recent::decode(family, revision, data).map(Match::Recent),
        b"rpfilter" => Rpfilter::decode(revision, data).map(Match::Rpfilter),
        b"rt" => Routing::decode(revision, data).map(Match::Rt),
        b"sctp" => Sctp::decode(revision, data).map(Match::Sctp),
        b"set" => Set::decode(revision, data).map(Match::Set),
        b"socket" => Socket::decode(revision, data).map(Match::Socket),
        b"srh" => Srh::decode(revision, data).map(Match::Srh),
        b"state" => State::decode(revision, data).map(Match::State),
        b"statistic" => Statistic::decode(revision, data).map(Match::Statistic),
        b"string" => StringMatch::decode(revision, data).map(Match::String),
        b"tcp" => Tcp::decode(revision, data).map(Match::Tcp),
        b"tcpmss" => Tcpmss::decode(revision, data).map(Match::Tcpmss),
        b"time" => Time::decode(revision, data).map(Match::Time),
        b"tos" => Tos::decode(revision, data).map(Match::Tos),
        b"ttl" => Ttl::decode(revision, data).map(Match::Ttl),
        b"u32" => U32::decode(revision, data).map(Match::U32),
        b"udp" => Udp::decode(revision, data).map(Match::Udp),
        _ => None,
    };
    known.unwrap_or(Match::Unknown { name: TextRef::new(name), revision, data: Bytes(data) })
}

impl<'a> RawMatch<'a> {
    /// Understands its payload.
    pub fn decode(&self, family: Family) -> Match<'a> {
        decode(family, self.name.as_bytes(), self.revision, self.data.0)
    }
}
