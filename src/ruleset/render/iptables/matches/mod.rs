//! ` -m name --option …`: one file per match, named as its decoder.

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

use std::net::IpAddr;

use nfblame_sys::xt::Match;
use nfblame_sys::xt::matches::Conntrack;

use super::{Address, Context, Mask, Out, prefix_length, put};

/// Appends a match with all its options; what cannot be said in the tool's own words stands there raw and marked.
pub fn render(m: &Match<'_>, cx: &Context<'_>, out: &mut Out) {
    if let Some(name) = name(m) {
        put!(out, " -m {name}");
    }
    match m {
        Match::Addrtype(m) => addrtype::render(m, out),
        Match::Ah(m) => ah::render(m, out),
        Match::Bpf(m) => bpf::render(m, out),
        Match::Cgroup(m) => cgroup::render(m, out),
        Match::Cluster(m) => cluster::render(m, out),
        Match::Comment(m) => comment::render(m, out),
        Match::Connbytes(m) => connbytes::render(m, out),
        Match::Connlabel(m) => connlabel::render(m, out),
        Match::Connlimit(m) => connlimit::render(m, out),
        Match::Connmark(m) => connmark::render(m, out),
        Match::Conntrack(m) => conntrack::render(m, out),
        Match::Cpu(m) => cpu::render(m, out),
        Match::Dccp(m) => dccp::render(m, out),
        Match::Devgroup(m) => devgroup::render(m, out),
        Match::Dscp(m) => dscp::render(m, out),
        Match::Dst(m) => ip6opts::render("dst", m, out),
        Match::Ecn(m) => ecn::render(m, out),
        Match::Esp(m) => esp::render(m, out),
        Match::Frag(m) => frag::render(m, out),
        Match::Hashlimit(m) => hashlimit::render(m, cx, out),
        Match::Hbh(m) => ip6opts::render("hbh", m, out),
        Match::Helper(m) => helper::render(m, out),
        Match::Hl(m) => ttl::render("hl", m, out),
        Match::Icmp(m) => icmp::render(m, out),
        Match::Icmp6(m) => icmp::render_v6(m, out),
        Match::Ip6Header(m) => ip6header::render(m, out),
        Match::Ipcomp(m) => ipcomp::render(m, out),
        Match::Iprange(m) => iprange::render(m, out),
        Match::Ipvs(m) => ipvs::render(m, out),
        Match::L2tp(m) => l2tp::render(m, out),
        Match::Length(m) => length::render(m, out),
        Match::Limit(m) => limit::render(m, out),
        Match::Mac(m) => mac::render(m, out),
        Match::Mark(m) => mark::render(m, out),
        Match::Mh(m) => mh::render(m, out),
        Match::Multiport(m) => multiport::render(m, out),
        Match::Nfacct(m) => nfacct::render(m, out),
        Match::Osf(m) => osf::render(m, out),
        Match::Owner(m) => owner::render(m, out),
        Match::Physdev(m) => physdev::render(m, out),
        Match::Pkttype(m) => pkttype::render(m, out),
        Match::Policy(m) => policy::render(m, out),
        Match::Quota(m) => quota::render(m, out),
        Match::Rateest(m) => rateest::render(m, out),
        Match::Realm(m) => realm::render(m, out),
        Match::Recent(m) => recent::render(m, out),
        Match::Rpfilter(m) => rpfilter::render(m, out),
        Match::Rt(m) => rt::render(m, out),
        Match::Sctp(m) => sctp::render(m, out),
        Match::Set(m) => set::render(m, cx, out),
        Match::Socket(m) => socket::render(m, out),
        Match::Srh(m) => srh::render(m, out),
        Match::State(m) => state::render(m, out),
        Match::Statistic(m) => statistic::render(m, out),
        Match::String(m) => string::render(m, out),
        Match::Tcp(m) => tcp::render(m, out),
        Match::Tcpmss(m) => tcpmss::render(m, out),
        Match::Time(m) => time::render(m, out),
        Match::Tos(m) => tos::render(m, out),
        Match::Ttl(m) => ttl::render("ttl", m, out),
        Match::U32(m) => u32::render(m, out),
        Match::Udp(m) => udp::render(m, out),
        Match::Eui64 => {}
        Match::Unknown { name, revision, data } => {
            out.str(" [unknown match ");
            out.bytes(name.as_bytes());
            put!(out, " rev {revision}: {data}]");
            out.set_incomplete();
        }
        _ => out.unknown(format_args!("match without a rendering")),
    }
}

/// The name that the tool has for a match; `None` if the match is not known here.
pub fn name(m: &Match<'_>) -> Option<&'static str> {
    Some(match m {
        Match::Conntrack(c) if c.matched & Conntrack::STATE_ALIAS != 0 => "state",
        Match::Addrtype(_) => "addrtype",
        Match::Ah(_) => "ah",
        Match::Bpf(_) => "bpf",
        Match::Cgroup(_) => "cgroup",
        Match::Cluster(_) => "cluster",
        Match::Comment(_) => "comment",
        Match::Connbytes(_) => "connbytes",
        Match::Connlabel(_) => "connlabel",
        Match::Connlimit(_) => "connlimit",
        Match::Connmark(_) => "connmark",
        Match::Conntrack(_) => "conntrack",
        Match::Cpu(_) => "cpu",
        Match::Dccp(_) => "dccp",
        Match::Devgroup(_) => "devgroup",
        Match::Dscp(_) => "dscp",
        Match::Dst(_) => "dst",
        Match::Ecn(_) => "ecn",
        Match::Esp(_) => "esp",
        Match::Eui64 => "eui64",
        Match::Frag(_) => "frag",
        Match::Hashlimit(_) => "hashlimit",
        Match::Hbh(_) => "hbh",
        Match::Helper(_) => "helper",
        Match::Hl(_) => "hl",
        Match::Icmp(_) => "icmp",
        Match::Icmp6(_) => "icmp6",
        Match::Ip6Header(_) => "ipv6header",
        Match::Ipcomp(_) => "ipcomp",
        Match::Iprange(_) => "iprange",
        Match::Ipvs(_) => "ipvs",
        Match::L2tp(_) => "l2tp",
        Match::Length(_) => "length",
        Match::Limit(_) => "limit",
        Match::Mac(_) => "mac",
        Match::Mark(_) => "mark",
        Match::Mh(_) => "mh",
        Match::Multiport(_) => "multiport",
        Match::Nfacct(_) => "nfacct",
        Match::Osf(_) => "osf",
        Match::Owner(_) => "owner",
        Match::Physdev(_) => "physdev",
        Match::Pkttype(_) => "pkttype",
        Match::Policy(_) => "policy",
        Match::Quota(_) => "quota",
        Match::Rateest(_) => "rateest",
        Match::Realm(_) => "realm",
        Match::Recent(_) => "recent",
        Match::Rpfilter(_) => "rpfilter",
        Match::Rt(_) => "rt",
        Match::Sctp(_) => "sctp",
        Match::Set(_) => "set",
        Match::Socket(_) => "socket",
        Match::Srh(_) => "srh",
        Match::State(_) => "state",
        Match::Statistic(_) => "statistic",
        Match::String(_) => "string",
        Match::Tcp(_) => "tcp",
        Match::Tcpmss(_) => "tcpmss",
        Match::Time(_) => "time",
        Match::Tos(_) => "tos",
        Match::Ttl(_) => "ttl",
        Match::U32(_) => "u32",
        Match::Udp(_) => "udp",
        _ => return None,
    })
}

/// Appends words with commas between them.
fn list<'a>(words: impl Iterator<Item = &'a str>, out: &mut Out) {
    for (n, word) in words.enumerate() {
        out.str(if n == 0 { "" } else { "," });
        out.str(word);
    }
}

/// Appends ` 0x1/0xff` (`xtables_print_mark_mask`).
fn mark(mark: u32, mask: u32, out: &mut Out) {
    put!(out, " {mark:#x}");
    if mask != u32::MAX {
        put!(out, "/{mask:#x}");
    }
}

/// Appends ` name`, or ` 0x1/0xff` where there is none or only some bits count (`xtables_print_val_mask`).
fn label(value: u32, mask: u32, name: fn(u32) -> Option<&'static str>, out: &mut Out) {
    match name(value).filter(|_| mask == u32::MAX) {
        Some(name) => put!(out, " {name}"),
        None => self::mark(value, mask, out),
    }
}

/// Appends `10.0.0.0/8`, a mask with holes in full, and none that covers everything (`xtables_ipmask_to_numeric`).
fn masked(address: IpAddr, mask: IpAddr, out: &mut Out) {
    put!(out, "{}", Address(address));
    let width = if mask.is_ipv4() { 32 } else { 128 };
    if prefix_length(mask) != Some(width) {
        put!(out, "/{}", Mask(mask));
    }
}

/// Appends ` --option 1:2`, unless every number is meant.
fn range(option: &str, (low, high): (u32, u32), inverted: bool, out: &mut Out) {
    if (low, high) == (0, u32::MAX) {
        return;
    }
    out.not(inverted);
    put!(out, " {option} {low}");
    if high != low {
        put!(out, ":{high}");
    }
}

/// Appends ` --sport 1:2`, whatever it means.
fn port_range(option: &str, (low, high): (u16, u16), out: &mut Out) {
    put!(out, " {option} {low}");
    if high != low {
        put!(out, ":{high}");
    }
}
