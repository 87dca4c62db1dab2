//! Sets in the words of `ipset save`, and `forceadd` besides, which the tool reads but forgets to write (7.17).

use std::net::IpAddr;

use nfblame_sys::ipset::{Element, Header, Iface, Member, Net, Port};
use nfblame_sys::uapi::ip_set::*;
use nfblame_sys::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_IPV6};
use nfblame_sys::xt::Bytes;

use super::out::put;
use super::{Address, Out, protocol_name};
use crate::ruleset::ipset::IpSet;

/// Appends a set as the lines that make it again: `create …`, then one `add …` for each element. What cannot be said
/// in the tool's own words stands there raw and marked.
pub fn save(set: &IpSet, out: &mut Out) {
    create(set.header(), out);
    for member in set.members() {
        add(set.header(), member, out);
    }
}

/// Appends the `create …` line of a set.
pub fn create(header: &Header, out: &mut Out) {
    let o = &header.options;
    out.str("create ");
    out.bytes(header.name.as_bytes());
    put!(out, " {}", header.kind);
    let hash = o.hashsize.is_some();
    match header.family {
        NFPROTO_IPV4 if hash => out.str(" family inet"),
        NFPROTO_IPV6 => out.str(" family inet6"),
        _ => {}
    }
    if let Some((first, last)) = o.addresses {
        put!(out, " range {}-{}", Address(first), Address(last));
    }
    if let Some((first, last)) = o.ports {
        put!(out, " range {first}-{last}");
    }
    if let Some(mask) = o.markmask {
        put!(out, " markmask {mask:#010x}");
    }
    number(" hashsize", o.hashsize, out);
    number(" maxelem", o.maxelem, out);
    number(" size", o.size, out);
    // Types of two dimensions got these options last, and the tool prints them last.
    let masks_last = header.kind.dimensions() == Some(2);
    if !masks_last {
        masks(header, out);
    }
    number(" timeout", o.timeout, out);
    for (flag, word) in [
        (IPSET_FLAG_WITH_COUNTERS, " counters"),
        (IPSET_FLAG_WITH_COMMENT, " comment"),
        (IPSET_FLAG_WITH_FORCEADD, " forceadd"),
        (IPSET_FLAG_WITH_SKBINFO, " skbinfo"),
    ] {
        if o.has(flag) {
            out.str(word);
        }
    }
    number(" bucketsize", o.bucketsize, out);
    if let Some(seed) = o.initval {
        put!(out, " initval {seed:#010x}");
    }
    if masks_last {
        masks(header, out);
    }
    if header.kind.dimensions().is_none() {
        out.unknown(format_args!("unknown type"));
    }
    unknown(&o.unknown, out);
    out.str("\n");
}

/// Appends the `add …` line of an element.
pub fn add(header: &Header, member: &Member, out: &mut Out) {
    out.str("add ");
    out.bytes(header.name.as_bytes());
    out.str(" ");
    element(&member.element, out);
    number(" timeout", member.timeout, out);
    if member.nomatch {
        out.str(" nomatch");
    }
    if matches!(&member.element, Element::NetIface(_, Iface { wildcard: true, .. })) {
        out.str(" wildcard");
    }
    if let Some(extra) = &member.extra {
        if let Some((packets, bytes)) = extra.counters {
            put!(out, " packets {packets} bytes {bytes}");
        }
        if let Some(comment) = &extra.comment {
            // The tool can neither write nor read a quotation mark in a comment.
            out.str(" comment \"");
            out.bytes(comment.as_bytes());
            out.str("\"");
        }
        match extra.mark {
            Some((mark, u32::MAX)) => put!(out, " skbmark {mark:#x}"),
            Some((mark, mask)) => put!(out, " skbmark {mark:#x}/{mask:#x}"),
            None => {}
        }
        if let Some(class) = extra.priority {
            put!(out, " skbprio {:x}:{:x}", class >> 16, class & 0xffff);
        }
        number(" skbqueue", extra.queue, out);
        unknown(&extra.unknown, out);
    }
    out.str("\n");
}

/// Appends what cuts addresses down. `hash:net,net` has them the other way round, but a set has one of them only.
fn masks(header: &Header, out: &mut Out) {
    number(" netmask", header.options.netmask, out);
    number(" bitmask", header.options.bitmask.map(Address), out);
}

fn number(option: &str, value: Option<impl std::fmt::Display>, out: &mut Out) {
    if let Some(value) = value {
        put!(out, "{option} {value}");
    }
}

fn unknown(attributes: &[(u16, Vec<u8>)], out: &mut Out) {
    for (kind, bytes) in attributes {
        out.unknown(format_args!("unknown attribute {kind}: {}", Bytes(bytes)));
    }
}

/// Appends what an element matches, as the tool is told to delete it.
pub fn element(element: &Element, out: &mut Out) {
    match element {
        Element::Ip(a) | Element::IpMac(a, None) => address(a, out),
        Element::IpMac(a, Some(m)) => {
            address(a, out);
            put!(out, ",{m}");
        }
        Element::Mac(m) => put!(out, "{m}"),
        Element::Port(p) => put!(out, "{p}"),
        Element::IpMark(a, m) => {
            address(a, out);
            put!(out, ",{m:#010x}");
        }
        Element::IpPort(a, p) => {
            address(a, out);
            port(*p, out);
        }
        Element::IpPortIp(a, p, b) => {
            address(a, out);
            port(*p, out);
            out.str(",");
            address(b, out);
        }
        Element::IpPortNet(a, p, n) => {
            address(a, out);
            port(*p, out);
            out.str(",");
            net(n, out);
        }
        Element::Net(n) => net(n, out),
        Element::NetIface(n, i) => {
            net(n, out);
            out.str(if i.physdev { ",physdev:" } else { "," });
            out.bytes(i.name.as_bytes());
        }
        Element::NetNet(n, o) => {
            net(n, out);
            out.str(",");
            net(o, out);
        }
        Element::NetPort(n, p) => {
            net(n, out);
            port(*p, out);
        }
        Element::NetPortNet(n, p, o) => {
            net(n, out);
            port(*p, out);
            out.str(",");
            net(o, out);
        }
        Element::Set(name) => out.bytes(name.as_bytes()),
        Element::Unknown(raw) => out.unknown(format_args!("unknown element: {}", Bytes(raw))),
        _ => out.unknown(format_args!("element without a rendering")),
    }
}

fn address(address: &IpAddr, out: &mut Out) {
    put!(out, "{}", Address(*address));
}

fn net(net: &Net, out: &mut Out) {
    address(&net.address, out);
    if !net.is_host() {
        put!(out, "/{}", net.prefix);
    }
}

/// Appends `,tcp:80`, `,icmp:echo-request`, `,icmp:3/8`.
fn port(p: Port, out: &mut Out) {
    match protocol_name(p.proto) {
        Some(name) => put!(out, ",{name}:"),
        None => put!(out, ",{}:", p.proto),
    }
    let table: &[(&str, u16)] = match i32::from(p.proto) {
        nix::libc::IPPROTO_ICMP => &ICMP,
        nix::libc::IPPROTO_ICMPV6 => &ICMP6,
        _ => return put!(out, "{}", p.port),
    };
    match table.iter().find(|(_, number)| *number == p.port) {
        Some((name, _)) => out.str(name),
        None => put!(out, "{}/{}", p.port >> 8, p.port & 0xff),
    }
}

/// ICMP types and codes that ipset has names for.
const ICMP: [(&str, u16); 32] = [
    ("echo-reply", 0x0000),
    ("network-unreachable", 0x0300),
    ("host-unreachable", 0x0301),
    ("protocol-unreachable", 0x0302),
    ("port-unreachable", 0x0303),
    ("fragmentation-needed", 0x0304),
    ("source-route-failed", 0x0305),
    ("network-unknown", 0x0306),
    ("host-unknown", 0x0307),
    ("network-prohibited", 0x0309),
    ("host-prohibited", 0x030a),
    ("TOS-network-unreachable", 0x030b),
    ("TOS-host-unreachable", 0x030c),
    ("communication-prohibited", 0x030d),
    ("host-precedence-violation", 0x030e),
    ("precedence-cutoff", 0x030f),
    ("source-quench", 0x0400),
    ("network-redirect", 0x0500),
    ("host-redirect", 0x0501),
    ("TOS-network-redirect", 0x0502),
    ("TOS-host-redirect", 0x0503),
    ("echo-request", 0x0800),
    ("router-advertisement", 0x0900),
    ("router-solicitation", 0x0a00),
    ("ttl-zero-during-transit", 0x0b00),
    ("ttl-zero-during-reassembly", 0x0b01),
    ("ip-header-bad", 0x0c00),
    ("required-option-missing", 0x0c01),
    ("timestamp-request", 0x0d00),
    ("timestamp-reply", 0x0e00),
    ("address-mask-request", 0x1100),
    ("address-mask-reply", 0x1200),
];

/// ICMPv6 types and codes that ipset has names for.
const ICMP6: [(&str, u16); 17] = [
    ("no-route", 0x0100),
    ("communication-prohibited", 0x0101),
    ("address-unreachable", 0x0103),
    ("port-unreachable", 0x0104),
    ("packet-too-big", 0x0200),
    ("ttl-zero-during-transit", 0x0300),
    ("ttl-zero-during-reassembly", 0x0301),
    ("bad-header", 0x0400),
    ("unknown-header-type", 0x0401),
    ("unknown-option", 0x0402),
    ("echo-request", 0x8000),
    ("echo-reply", 0x8100),
    ("router-solicitation", 0x8500),
    ("router-advertisement", 0x8600),
    ("neighbour-solicitation", 0x8700),
    ("neighbour-advertisement", 0x8800),
    ("redirect", 0x8900),
];

#[cfg(test)]
mod tests {
    use nfblame_sys::ipset::{Extra, Kind, Mac, Options, Set};

    use super::*;
    use crate::ruleset::ipset::IpSets;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const HTTP: Port = Port { proto: 6, port: 80 };

    fn said(kind: Kind, family: u8, options: Options, members: Vec<Member>) -> (String, bool) {
        let header = Header {
            name: "s".into(),
            index: None,
            kind,
            revision: 0,
            family,
            options,
            references: 0,
            memsize: 0,
            elements: None,
        };
        let mut out = Out::new();
        IpSets::new(vec![Set { header, members }]).iter().for_each(|set| save(set, &mut out));
        let complete = out.is_complete();
        (String::from_utf8_lossy(out.as_bytes()).into_owned(), complete)
    }

    fn member(element: Element) -> Member {
        Member { element, nomatch: false, timeout: None, extra: None }
    }

    /// Types that kernels often come without; the others are compared with the tool itself in tests/parity_ipset.rs.
    #[test]
    fn rare_types_are_said_too() {
        let net = |prefix| Net { address: A, prefix };
        let hash = || Options { hashsize: Some(64), maxelem: Some(9), ..Options::default() };
        let mac = Mac([2, 0, 0, 0, 0, 0xab]);
        let cases = [
            (Kind::HashIpMac, Element::IpMac(A, Some(mac)), "10.0.0.1,02:00:00:00:00:AB"),
            (Kind::HashNetNet, Element::NetNet(net(8), net(32)), "10.0.0.1/8,10.0.0.1"),
            (Kind::HashNetPortNet, Element::NetPortNet(net(0), HTTP, net(9)), "10.0.0.1/0,tcp:80,10.0.0.1/9"),
        ];
        for (kind, element, expected) in cases {
            let create = format!("create s {kind} family inet hashsize 64 maxelem 9\n");
            let all = (format!("{create}add s {expected}\n"), true);
            assert_eq!(said(kind, NFPROTO_IPV4, hash(), vec![member(element)]), all);
        }
        let all = ("create s hash:mac hashsize 64 maxelem 9\nadd s 02:00:00:00:00:AB\n".to_owned(), true);
        assert_eq!(said(Kind::HashMac, 0, hash(), vec![member(Element::Mac(mac))]), all);
        let masked = Options { markmask: Some(0xff00), ..hash() };
        let expected =
            "create s hash:ip,mark family inet markmask 0x0000ff00 hashsize 64 maxelem 9\nadd s 10.0.0.1,0x00001200\n";
        let mark = member(Element::IpMark(A, 0x1200));
        assert_eq!(said(Kind::HashIpMark, NFPROTO_IPV4, masked, vec![mark]), (expected.to_owned(), true));
    }

    #[test]
    fn what_has_no_words_is_shown_and_marked() {
        let options = Options { unknown: vec![(99, vec![1, 2])], ..Options::default() };
        let extra = Extra { unknown: vec![(98, vec![3])], ..Extra::default() };
        let odd = Member { extra: Some(Box::new(extra)), ..member(Element::Unknown(vec![5])) };
        let expected = "create s hash:new [unknown type] [unknown attribute 99: 0x0102]\n\
                        add s  [unknown element: 0x05] [unknown attribute 98: 0x03]\n";
        assert_eq!(said(Kind::Unknown("hash:new".into()), 2, options, vec![odd]), (expected.to_owned(), false));
    }
}
