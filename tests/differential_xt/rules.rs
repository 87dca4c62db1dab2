//! Random rules in the tools' own words, of every match and target that the running kernel has.

use std::fmt::Write as _;

use nfblame_sys::xt::Family;

use crate::packets::{MACS, PORTS, forward, source};
use crate::random::Random;
use crate::world::{IN0, IN1, OUT, World, locals};

/// Hooks as bits.
pub type Hooks = u8;
pub const PREROUTING: Hooks = 1;
pub const INPUT: Hooks = 2;
pub const FORWARD: Hooks = 4;
pub const OUTPUT: Hooks = 8;
pub const POSTROUTING: Hooks = 16;
const ANY: Hooks = 31;
const ARRIVED: Hooks = PREROUTING | INPUT | FORWARD;
const OURS: Hooks = OUTPUT | POSTROUTING;

/// A kind of match or target.
#[derive(Clone, Copy)]
pub struct Kind {
    name: &'static str,
    /// The protocol that the rule must name.
    proto: &'static str,
    hooks: Hooks,
    /// The tables it may stand in; all, if none is named.
    tables: &'static [&'static str],
    make: fn(&mut Random, bool) -> String,
}

const fn kind(
    name: &'static str,
    proto: &'static str,
    hooks: Hooks,
    tables: &'static [&'static str],
    make: fn(&mut Random, bool) -> String,
) -> Kind {
    Kind { name, proto, hooks, tables, make }
}

fn not(r: &mut Random) -> &'static str {
    if r.one_in(4) { "! " } else { "" }
}

fn port(r: &mut Random) -> u16 {
    *r.pick(PORTS)
}

fn ports(r: &mut Random) -> String {
    let (a, b) = (port(r), port(r));
    if r.one_in(2) || a == b { a.to_string() } else { format!("{}:{}", a.min(b), a.max(b)) }
}

fn spis(r: &mut Random) -> String {
    let a = r.below(4) * 100;
    if r.one_in(2) { a.to_string() } else { format!("{a}:{}", a + r.below(3) * 100) }
}

fn flags(r: &mut Random) -> String {
    let names = ["SYN", "ACK", "FIN", "RST", "URG", "PSH"];
    let some: Vec<&str> = names.into_iter().filter(|_| r.one_in(3)).collect();
    if some.is_empty() { "NONE".to_owned() } else { some.join(",") }
}

fn address(r: &mut Random, v6: bool) -> String {
    match r.below(5) {
        0 | 1 => source(r, v6),
        2 | 3 => forward(r, v6),
        _ => r.pick(&locals(if v6 { Family::Ip6 } else { Family::Ip })).to_string(),
    }
}

/// Matches of both families.
const MATCHES: &[Kind] = &[
    kind("tcp ports", "tcp", ANY, &[], |r, _| {
        format!("-m tcp {}{} {}", not(r), r.pick(&["--sport", "--dport"]), ports(r))
    }),
    kind("tcp flags", "tcp", ANY, &[], |r, _| format!("-m tcp {}--tcp-flags {} {}", not(r), flags(r), flags(r))),
    kind("tcp option", "tcp", ANY, &[], |r, _| {
        format!("-m tcp {}--tcp-option {}", not(r), r.pick(&[1, 2, 3, 4, 8, 30]))
    }),
    kind("tcpmss", "tcp", ANY, &[], |r, _| {
        format!("-m tcpmss {}--mss {}", not(r), r.pick(&["536", "500:1460", "1461:9000"]))
    }),
    kind("udp ports", "udp", ANY, &[], |r, _| {
        format!("-m udp {}{} {}", not(r), r.pick(&["--sport", "--dport"]), ports(r))
    }),
    kind("multiport tcp", "tcp", ANY, &[], multiport),
    kind("multiport udp", "udp", ANY, &[], multiport),
    kind("sctp ports", "sctp", ANY, &[], |r, _| {
        format!("-m sctp {}{} {}", not(r), r.pick(&["--sport", "--dport"]), ports(r))
    }),
    kind("sctp chunks", "sctp", ANY, &[], |r, _| {
        let types = r.pick(&["DATA", "INIT", "DATA,INIT", "SACK,ABORT", "DATA:Be", "ABORT:T,DATA", "INIT,INIT_ACK"]);
        format!("-m sctp {}--chunk-types {} {types}", not(r), r.pick(&["any", "all", "only"]))
    }),
    kind("dccp ports", "dccp", ANY, &[], |r, _| {
        format!("-m dccp {}{} {}", not(r), r.pick(&["--sport", "--dport"]), ports(r))
    }),
    kind("dccp types", "dccp", ANY, &[], |r, _| {
        format!("-m dccp {}--dccp-types {}", not(r), r.pick(&["REQUEST", "DATA,ACK", "RESET,INVALID", "RESPONSE"]))
    }),
    kind("dccp option", "dccp", ANY, &[], |r, _| format!("-m dccp {}--dccp-option {}", not(r), 1 + r.below(5))),
    kind("esp", "esp", ANY, &[], |r, _| format!("-m esp {}--espspi {}", not(r), spis(r))),
    kind("ipcomp", "ipcomp", ANY, &[], |r, _| format!("-m ipcomp {}--ipcompspi {}", not(r), spis(r))),
    kind("l2tp udp", "udp", ANY, &[], l2tp),
    kind("l2tp ip", "l2tp", ANY, &[], l2tp),
    kind("tos", "", ANY, &[], |r, _| format!("-m tos {}--tos {:#x}/{:#x}", not(r), r.byte() & 0x3c, r.byte() | 0x10)),
    kind("dscp", "", ANY, &[], |r, _| format!("-m dscp {}--dscp {}", not(r), r.pick(&[0, 4, 10, 46, 63]))),
    kind("ecn ip", "", ANY, &[], |r, _| format!("-m ecn {}--ecn-ip-ect {}", not(r), r.below(4))),
    kind("ecn tcp", "tcp", ANY, &[], |r, _| {
        format!("-m ecn {}{}", not(r), r.pick(&["--ecn-tcp-ece", "--ecn-tcp-cwr"]))
    }),
    kind("length", "", ANY, &[], |r, _| {
        let low = r.below(90);
        format!("-m length {}--length {low}:{}", not(r), low + r.below(60))
    }),
    kind("iprange", "", ANY, &[], |r, v6| {
        let side = r.pick(&["--src-range", "--dst-range"]);
        let range = if v6 {
            format!("fd00:{}::2-fd00:{}::5", r.pick(&[3, 9]), 9)
        } else {
            format!("10.{}.0.2-10.9.1.{}", r.pick(&[3, 9]), r.below(6))
        };
        format!("-m iprange {}{side} {range}", not(r))
    }),
    kind("mac", "", ARRIVED, &[], |r, _| {
        let m = r.pick(&MACS);
        let text: Vec<String> = m.iter().map(|b| format!("{b:02x}")).collect();
        format!("-m mac {}--mac-source {}", not(r), text.join(":"))
    }),
    kind("addrtype", "", ANY, &[], |r, v6| {
        let types: &[&str] = if v6 {
            &["LOCAL", "UNICAST", "MULTICAST", "UNREACHABLE", "LOCAL,UNICAST"]
        } else {
            &["LOCAL", "UNICAST", "BROADCAST", "MULTICAST", "LOCAL,BROADCAST"]
        };
        format!("-m addrtype {}{} {}", not(r), r.pick(&["--src-type", "--dst-type"]), r.pick(types))
    }),
    kind("addrtype here", "", PREROUTING | INPUT, &[], |r, _| {
        format!("-m addrtype {}--dst-type LOCAL --limit-iface-in", not(r))
    }),
    kind("mark", "", ANY, &[], |r, _| format!("-m mark {}--mark {:#x}/{:#x}", not(r), r.below(4), 1 + r.below(7))),
    kind("pkttype", "", ANY, &[], |r, _| {
        format!("-m pkttype {}--pkt-type {}", not(r), r.pick(&["unicast", "broadcast", "multicast"]))
    }),
    kind("string", "", ANY, &[], |r, _| {
        let from = r.below(60);
        format!(
            "-m string {}--string \"{}\" --algo {} --from {from} --to {} {}",
            not(r),
            r.pick(&["needle", "GET /", "haystack", "HTTP", "index"]),
            r.pick(&["bm", "kmp"]),
            from + 1 + r.below(80),
            r.pick(&["", "--icase"])
        )
    }),
    kind("hex string", "", ANY, &[], |r, _| {
        format!("-m string --hex-string \"|{:02x}{:02x}|\" --algo {}", r.below(3), r.below(3), r.pick(&["bm", "kmp"]))
    }),
    kind("u32", "", ANY, &[], |r, _| {
        let test = r.pick(&[
            "6&0xFF=6,17",
            "0>>22&0x3C@0>>16=0:1024",
            "0&0xFFFF=40:80",
            "4>>16&0xFF=0:0x2000&&2&0xFFFF=20:60",
            "6=0x40064011:0x80118011",
            "40@0=1",
            "0>>22&0x3C@12>>26&0x3C@0=0x47455420",
        ]);
        format!("-m u32 {}--u32 \"{test}\"", not(r))
    }),
    kind("bpf", "", ANY, &[], |r, _| {
        // By hand: the protocol byte, the length, a port behind the header, a mark, arithmetic on the length.
        let code = r.pick(&[
            "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0",
            "4,48 0 0 6,21 0 1 6,6 0 0 1,6 0 0 0",
            "4,128 0 0 0,53 0 1 60,6 0 0 1,6 0 0 0",
            "5,177 0 0 0,72 0 0 2,21 0 1 80,6 0 0 1,6 0 0 0",
            "4,32 0 0 4294963220,69 0 1 1,6 0 0 1,6 0 0 0",
            "7,128 0 0 0,20 0 0 20,52 0 0 4,156 0 0 3,21 0 1 1,6 0 0 65535,6 0 0 0",
            "5,0 0 0 40,2 0 0 3,97 0 0 3,80 0 0 0,22 0 0 0",
        ]);
        format!("-m bpf --bytecode \"{code}\"")
    }),
    kind("time", "", ANY, &[], |r, _| {
        let when = r.pick(&[
            "--weekdays Mon,Tue,Wed,Thu,Fri,Sat,Sun",
            "--datestart 2020-01-01",
            "--datestop 2020-01-01",
            "! --monthdays 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
            "--timestart 00:00 --timestop 23:59:59",
        ]);
        format!("-m time {when}")
    }),
    kind("limit", "", ANY, &[], |r, _| {
        format!("-m limit --limit {}/minute --limit-burst {}", 1 + r.below(5), 1 + r.below(5))
    }),
    kind("statistic certain", "", ANY, &[], |r, _| {
        format!("-m statistic --mode random {}--probability {}", not(r), r.below(2))
    }),
    kind("statistic nth", "", ANY, &[], |r, _| {
        format!("-m statistic --mode nth {}--every {} --packet 0", not(r), 1 + r.below(3))
    }),
    kind("quota", "", ANY, &[], |r, _| format!("-m quota {}--quota {}", not(r), r.below(400))),
    kind("recent", "", ANY, &[], |r, _| {
        let act = r.pick(&["--set", "--rcheck", "--update --seconds 60 --hitcount 2", "--remove"]);
        format!("-m recent --name xteval {}{act}", not(r))
    }),
    kind("hashlimit", "udp", ANY, &[], |r, _| {
        format!(
            "-m hashlimit --hashlimit-name h{} {} 3/minute --hashlimit-mode srcip,dstport",
            r.next() % 100_000,
            r.pick(&["--hashlimit-upto", "--hashlimit-above"])
        )
    }),
    kind("comment", "", ANY, &[], |_, _| "-m comment --comment \"no condition\"".to_owned()),
    kind("devgroup", "", ARRIVED, &[], |r, _| format!("-m devgroup {}--src-group {}", not(r), r.below(2))),
    kind("physdev", "", ARRIVED, &[], |r, _| {
        format!(
            "-m physdev {}{}",
            not(r),
            r.pick(&["--physdev-is-in", "--physdev-is-bridged", &format!("--physdev-in {IN0}")])
        )
    }),
    kind("owner", "", OURS, &[], |r, _| {
        format!(
            "-m owner {}{}",
            not(r),
            r.pick(&["--uid-owner 0", "--uid-owner 1-5", "--gid-owner 0", "--socket-exists"])
        )
    }),
    kind("policy", "", PREROUTING | INPUT | FORWARD, &[], |r, _| {
        format!("-m policy --dir in --pol {}", r.pick(&["none", "ipsec"]))
    }),
    kind("cpu", "", ANY, &[], |r, _| format!("-m cpu {}--cpu {}", not(r), r.below(2))),
    kind("rpfilter", "", PREROUTING, &["raw", "mangle"], |r, _| {
        format!("-m rpfilter {}", r.pick(&["", "--loose", "--invert"]))
    }),
    kind("set addresses", "", ANY, &[], |r, v6| {
        format!("-m set {}--match-set xt{} {}", not(r), if v6 { "6" } else { "4" }, r.pick(&["src", "dst"]))
    }),
    kind("set ports", "", ANY, &[], |r, v6| {
        format!(
            "-m set {}--match-set xp{} {}",
            not(r),
            if v6 { "6" } else { "4" },
            r.pick(&["src,dst", "dst,dst", "src,src"])
        )
    }),
    kind("set macs", "", ARRIVED, &[], |r, _| format!("-m set {}--match-set xm src", not(r))),
];

fn multiport(r: &mut Random, _: bool) -> String {
    let side = *r.pick(&["--sports", "--dports", "--ports"]);
    let list: Vec<String> = (0..1 + r.below(4)).map(|_| ports(r)).collect();
    format!("-m multiport {}{side} {}", not(r), list.join(","))
}

fn l2tp(r: &mut Random, _: bool) -> String {
    let what = r.pick(&[
        "--tid 0",
        "--tid 1 --pversion 2",
        "--sid 1",
        "--type data",
        "--type control",
        "--pversion 3 --sid 2",
    ]);
    format!("-m l2tp {what}")
}

/// Matches of IPv4 alone.
const MATCHES4: &[Kind] = &[
    kind("icmp", "icmp", ANY, &[], |r, _| {
        format!("-m icmp {}--icmp-type {}", not(r), r.pick(&["8", "0", "3", "3/3", "11", "any", "13", "255/0"]))
    }),
    kind("ah", "ah", ANY, &[], |r, _| format!("-m ah {}--ahspi {}", not(r), spis(r))),
    kind("ttl", "", ANY, &[], |r, _| {
        format!("-m ttl {} {}", r.pick(&["--ttl-eq", "--ttl-lt", "--ttl-gt"]), r.pick(&[1, 10, 63, 64, 127]))
    }),
    kind("realm", "", INPUT | FORWARD | OURS, &[], |r, _| format!("-m realm {}--realm {}", not(r), r.below(2))),
];

/// Matches of IPv6 alone.
const MATCHES6: &[Kind] = &[
    kind("icmp6", "ipv6-icmp", ANY, &[], |r, _| {
        format!("-m icmp6 {}--icmpv6-type {}", not(r), r.pick(&["128", "129", "1", "1/4", "3", "200/1"]))
    }),
    kind("hl", "", ANY, &[], |r, _| {
        format!("-m hl {} {}", r.pick(&["--hl-eq", "--hl-lt", "--hl-gt"]), r.pick(&[1, 10, 63, 64, 127]))
    }),
    kind("eui64", "", ARRIVED, &[], |_, _| "-m eui64".to_owned()),
    kind("frag", "", ANY, &[], |r, _| {
        format!(
            "-m frag {}--fragid {} {}",
            not(r),
            r.pick(&["0", "1", "0:2", "3"]),
            r.pick(&["", "--fragfirst", "--fragmore", "--fraglast", "--fragres"])
        )
    }),
    kind("hbh", "", ANY, &[], |r, _| {
        format!(
            "-m hbh {}--hbh-len {} {}",
            not(r),
            r.pick(&[8, 16]),
            r.pick(&["", "--hbh-opts 1:4", "--hbh-opts 30,62:4", "--hbh-opts 30:2,1"])
        )
    }),
    kind("dst", "", ANY, &[], |r, _| {
        format!(
            "-m dst {}--dst-len {} {}",
            not(r),
            r.pick(&[8, 16]),
            r.pick(&["", "--dst-opts 1:4", "--dst-opts 30,62:4", "--dst-opts 30:2,1"])
        )
    }),
    kind("rt", "", ANY, &[], |r, _| {
        let more = r.pick(&[
            "",
            "--rt-len 24",
            "--rt-0-res",
            "--rt-0-addrs fd00:3::1",
            "--rt-0-addrs fd00:3::2 --rt-0-not-strict",
        ]);
        let kind = if more.contains("-0-") { 0 } else { *r.pick(&[0, 4]) };
        format!("-m rt --rt-type {kind} {}--rt-segsleft 0:1 {more}", not(r))
    }),
    kind("ipv6header", "", ANY, &[], |r, _| {
        let which = r.pick(&["hop", "dst", "route", "frag", "auth", "esp", "none", "prot", "hop,prot", "frag,prot"]);
        format!("-m ipv6header {}--header {which} {}", not(r), r.pick(&["", "--soft"]))
    }),
    kind("mh", "mh", ANY, &[], |r, _| format!("-m mh {}--mh-type {}", not(r), r.pick(&["0", "1:3", "5"]))),
    kind("ah", "", ANY, &[], |r, _| {
        format!("-m ah {}--ahspi {} {}", not(r), spis(r), r.pick(&["", "--ahlen 24", "--ahres"]))
    }),
    kind("srh", "", ANY, &[], |r, _| {
        let what = r.pick(&[
            "--srh-segs-left-eq 1",
            "--srh-last-entry-gt 0",
            "--srh-hdr-len-eq 2",
            "--srh-next-hdr 6",
            "--srh-tag 1",
            "--srh-lsid fd00:3::/96",
            "--srh-nsid fd00:3::1/128",
        ]);
        format!("-m srh {}{what}", not(r))
    }),
];

/// Targets of both families. Chains, verdicts and rules without a target come by themselves.
const TARGETS: &[Kind] = &[
    kind("MARK", "", ANY, &[], |r, _| match r.below(4) {
        0 => format!("-j MARK --set-mark {:#x}", r.below(8)),
        1 => format!("-j MARK --or-mark {:#x}", r.below(8)),
        2 => format!("-j MARK --and-mark {:#x}", r.below(8)),
        _ => format!("-j MARK --set-xmark {:#x}/{:#x}", r.below(8), r.below(8)),
    }),
    kind("HMARK", "", ANY, &["mangle"], |r, _| {
        let what = r.pick(&[
            "--hmark-tuple src,dst,sport,dport,proto",
            "--hmark-tuple src,dst,proto",
            "--hmark-tuple src",
            "--hmark-tuple dport,dst",
            "--hmark-tuple spi,src",
            "--hmark-src-prefix 24 --hmark-dport-mask 0x00ff --hmark-proto-mask 0x0f",
            "--hmark-dst-prefix 16 --hmark-sport-mask 0xfff0",
        ]);
        let (modulus, offset, seed) = (2 + r.below(6), r.below(3), r.below(99));
        format!("-j HMARK {what} --hmark-mod {modulus} --hmark-offset {offset} --hmark-rnd {seed:#x}")
    }),
    kind("NFLOG", "", ANY, &[], |r, _| format!("-j NFLOG --nflog-group {} --nflog-prefix \"a b\"", 100 + r.below(9))),
    kind("LOG", "", ANY, &[], |_, _| "-j LOG --log-prefix \"x \"".to_owned()),
    kind("TOS", "", ANY, &["mangle"], |r, _| format!("-j TOS --set-tos {:#x}/{:#x}", r.byte() & 0x3c, r.byte())),
    kind("DSCP", "", ANY, &["mangle"], |r, _| format!("-j DSCP --set-dscp {}", r.below(64))),
    kind("TCPMSS", "tcp", FORWARD | OURS, &[], |r, _| {
        format!(
            "-m tcp --tcp-flags SYN,RST SYN -j TCPMSS {}",
            r.pick(&["--set-mss 500", "--set-mss 1400", "--clamp-mss-to-pmtu"])
        )
    }),
    kind("TCPOPTSTRIP", "tcp", ANY, &["mangle"], |r, _| {
        format!("-j TCPOPTSTRIP --strip-options {}", r.pick(&["2", "3,4", "8", "30,253"]))
    }),
    kind("CLASSIFY", "", FORWARD | OURS, &[], |r, _| format!("-j CLASSIFY --set-class 1:{}", r.below(9))),
    kind("CHECKSUM", "", ANY, &["mangle"], |_, _| "-j CHECKSUM --checksum-fill".to_owned()),
    kind("TRACE", "", ANY, &["raw"], |_, _| "-j TRACE".to_owned()),
    kind("AUDIT", "", ANY, &[], |_, _| "-j AUDIT --type accept".to_owned()),
    kind("NFQUEUE", "", ANY, &[], |r, _| {
        format!("-j NFQUEUE --queue-num {} {}", r.below(9), r.pick(&["", "--queue-bypass"]))
    }),
    kind("RATEEST", "", ANY, &[], |_, _| {
        "-j RATEEST --rateest-name e --rateest-interval 250ms --rateest-ewma 500ms".to_owned()
    }),
    kind("IDLETIMER", "", ANY, &[], |_, _| "-j IDLETIMER --timeout 600 --label xteval".to_owned()),
];

const TARGETS4: &[Kind] = &[
    kind("REJECT", "", INPUT | FORWARD | OUTPUT, &["filter"], |r, _| {
        let with = ["icmp-net-unreachable", "icmp-host-unreachable", "icmp-port-unreachable", "icmp-admin-prohibited"];
        format!("-j REJECT --reject-with {}", r.pick(&with))
    }),
    kind("REJECT tcp", "tcp", INPUT | FORWARD | OUTPUT, &["filter"], |_, _| {
        "-j REJECT --reject-with tcp-reset".to_owned()
    }),
    kind("TTL", "", ANY, &["mangle"], |r, _| {
        format!("-j TTL {} {}", r.pick(&["--ttl-set", "--ttl-inc", "--ttl-dec"]), 1 + r.below(70))
    }),
    kind("ECN", "tcp", ANY, &["mangle"], |_, _| "-j ECN --ecn-tcp-remove".to_owned()),
];

const TARGETS6: &[Kind] = &[
    kind("REJECT", "", INPUT | FORWARD | OUTPUT, &["filter"], |r, _| {
        let with = ["icmp6-no-route", "icmp6-adm-prohibited", "icmp6-port-unreachable", "icmp6-policy-fail"];
        format!("-j REJECT --reject-with {}", r.pick(&with))
    }),
    kind("REJECT tcp", "tcp", INPUT | FORWARD | OUTPUT, &["filter"], |_, _| {
        "-j REJECT --reject-with tcp-reset".to_owned()
    }),
    kind("HL", "", ANY, &["mangle"], |r, _| {
        format!("-j HL {} {}", r.pick(&["--hl-set", "--hl-inc", "--hl-dec"]), 1 + r.below(70))
    }),
    kind("SNPT", "", POSTROUTING, &["mangle"], |r, _| {
        format!("-j SNPT --src-pfx fd00:9::/64 --dst-pfx {}", r.pick(&["fd00:8::/64", "fd00:8:1::/48"]))
    }),
    kind("DNPT", "", PREROUTING, &["mangle"], |r, _| {
        format!("-j DNPT --src-pfx fd00:3::/64 --dst-pfx {}", r.pick(&["fd00:4::/64", "fd00:4:1::/48"]))
    }),
];

/// Matches and targets that need connection tracking.
const TRACKED: &[Kind] = &[
    kind("ct state", "", ANY, &["mangle", "filter", "security", "nat"], |r, _| {
        let states = ["NEW", "INVALID", "ESTABLISHED,RELATED", "NEW,UNTRACKED", "UNTRACKED", "DNAT", "SNAT,INVALID"];
        format!("-m conntrack {}--ctstate {}", not(r), r.pick(&states))
    }),
    kind("state", "", ANY, &["mangle", "filter"], |r, _| {
        format!("-m state {}--state {}", not(r), r.pick(&["NEW", "INVALID", "UNTRACKED", "RELATED"]))
    }),
    kind("ct addresses", "", ANY, &["mangle", "filter", "nat"], |r, v6| {
        let side = *r.pick(&["--ctorigsrc", "--ctorigdst", "--ctreplsrc", "--ctrepldst"]);
        let who = match r.below(3) {
            0 => source(r, v6),
            1 => forward(r, v6),
            _ => (if v6 { "fd00:7::1" } else { "10.7.0.1" }).to_owned(),
        };
        let prefix = if v6 { *r.pick(&[48, 64, 127]) } else { *r.pick(&[16, 24, 31]) };
        format!("-m conntrack {}{side} {who}/{prefix}", not(r))
    }),
    kind("ct ports", "", ANY, &["mangle", "filter"], |r, _| {
        let side = r.pick(&["--ctorigsrcport", "--ctorigdstport", "--ctreplsrcport", "--ctrepldstport"]);
        format!("-m conntrack {}{side} {}", not(r), ports(r))
    }),
    kind("ct rest", "", ANY, &["mangle", "filter"], |r, _| {
        let what = ["--ctproto 17", "--ctproto 6", "--ctstatus NONE", "--ctstatus EXPECTED,CONFIRMED"];
        format!("-m conntrack {}{}", not(r), r.pick(&what))
    }),
    kind("ct direction", "", ANY, &["mangle", "filter"], |r, _| {
        format!("-m conntrack --ctdir {}", r.pick(&["ORIGINAL", "REPLY"]))
    }),
    kind("connmark", "", ANY, &["mangle", "filter"], |r, _| {
        format!("-m connmark {}--mark {:#x}/{:#x}", not(r), r.below(4), 1 + r.below(7))
    }),
    kind("connlabel", "", ANY, &["mangle", "filter"], |r, _| {
        format!("-m connlabel {}--label {} {}", not(r), r.below(3), r.pick(&["", "--set"]))
    }),
    kind("cluster", "", ANY, &["mangle", "filter"], |r, _| {
        format!(
            "-m cluster --cluster-total-nodes 3 {}--cluster-local-node {} --cluster-hash-seed {:#x}",
            not(r),
            1 + r.below(3),
            0x10 + r.below(9)
        )
    }),
    kind("helper", "", ANY, &["mangle", "filter"], |r, _| format!("-m helper {}--helper ftp", not(r))),
];

const TRACKED_TARGETS: &[Kind] = &[
    kind("CONNMARK", "", ANY, &["mangle", "filter", "nat"], |r, _| match r.below(4) {
        0 => format!("-j CONNMARK --set-xmark {:#x}/{:#x}", r.below(8), r.below(8)),
        1 => format!("-j CONNMARK --save-mark --nfmask {:#x} --ctmask {:#x}", r.below(8), r.below(8)),
        _ => format!("-j CONNMARK --restore-mark --nfmask {:#x} --ctmask {:#x}", r.below(8), r.below(8)),
    }),
    kind("HMARK ct", "", FORWARD | OURS, &["mangle"], |r, _| {
        let (modulus, seed) = (2 + r.below(6), r.below(99));
        format!("-j HMARK --hmark-tuple ct,src,dst,sport,dport,proto --hmark-mod {modulus} --hmark-rnd {seed:#x}")
    }),
    kind("CT", "", PREROUTING | OUTPUT, &["raw"], |r, _| {
        format!("-j CT {}", r.pick(&["--notrack", "--zone 3", "--ctevents new"]))
    }),
    kind("DNAT", "", PREROUTING | OUTPUT, &["nat"], |r, v6| {
        let (one, two) = if v6 { ("fd00:3::9", "fd00:3::d") } else { ("10.3.0.9", "10.3.0.13") };
        match r.below(4) {
            0 => format!("-j DNAT --to-destination {one}"),
            _ => format!("-j DNAT --to-destination {one}-{two}"),
        }
    }),
    kind("DNAT ports", "udp", PREROUTING | OUTPUT, &["nat"], |r, v6| {
        let to = if v6 { "[fd00:3::9]" } else { "10.3.0.9" };
        let to = if r.one_in(3) { "" } else { to };
        let port = r.pick(&["80", "50-60", "1000-2000", "8000-8010"]);
        format!("-j DNAT --to-destination {to}:{port} {}", r.pick(&["", "", "", "--random"]))
    }),
    kind("SNAT", "", POSTROUTING | INPUT, &["nat"], |r, v6| {
        let (one, two) = if v6 { ("fd00:7::1", "fd00:7::1:6") } else { ("10.7.0.1", "10.7.0.6") };
        match r.below(4) {
            0 => format!("-j SNAT --to-source {one}"),
            1 => format!("-j SNAT --to-source {one}-{two}"),
            2 => format!("-j SNAT --to-source {one}-{two} --persistent"),
            _ => format!("-j SNAT --to-source {one} {}", r.pick(&["--random", "--random-fully", "--persistent"])),
        }
    }),
    kind("SNAT ports", "tcp", POSTROUTING | INPUT, &["nat"], |r, v6| {
        let to = if v6 { "[fd00:7::1]" } else { "10.7.0.1" };
        format!("-j SNAT --to-source {to}:{}", r.pick(&["5000", "5000-5010", "1-60000"]))
    }),
    kind("MASQUERADE", "", POSTROUTING, &["nat"], |r, _| {
        format!("-j MASQUERADE {}", r.pick(&["", "", "--random", "--random-fully"]))
    }),
    kind("MASQUERADE ports", "udp", POSTROUTING, &["nat"], |r, _| {
        format!("-j MASQUERADE --to-ports {}", r.pick(&["777", "2000-3000"]))
    }),
    kind("REDIRECT", "", PREROUTING, &["nat"], |_, _| "-j REDIRECT".to_owned()),
    kind("REDIRECT ports", "tcp", PREROUTING, &["nat"], |r, _| {
        format!("-j REDIRECT --to-ports {}", r.pick(&["8080", "100-200"]))
    }),
    kind("NETMAP", "", PREROUTING | OUTPUT, &["nat"], |r, v6| {
        format!(
            "-j NETMAP --to {}",
            if v6 {
                *r.pick(&["fd00:3:5::/48", "fd00:3::20/124"])
            } else {
                *r.pick(&["10.3.128.0/17", "10.3.9.16/28"])
            }
        )
    }),
    kind("NETMAP source", "", POSTROUTING | INPUT, &["nat"], |r, v6| {
        format!(
            "-j NETMAP --to {}",
            if v6 {
                *r.pick(&["fd00:7:5::/48", "fd00:7::20/124"])
            } else {
                *r.pick(&["10.7.128.0/17", "10.7.9.16/28"])
            }
        )
    }),
];

/// What the running kernel and its tools know.
#[derive(Clone)]
pub struct Features {
    pub v6: bool,
    /// Connections are tracked, and there is a nat table.
    tracked: bool,
    matches: Vec<Kind>,
    targets: Vec<Kind>,
    tables: Vec<&'static str>,
    total: usize,
}

impl Features {
    /// Makes the ipsets that rules name.
    pub fn make_sets(world: &World) {
        let v6 = world.family == Family::Ip6;
        let family = if v6 { "inet6" } else { "inet" };
        world.make_sets(&format!(
            "create xt{0} hash:net family {family}\nadd xt{0} {1}\nadd xt{0} {2} nomatch\nadd xt{0} {3}\n\
             create xp{0} hash:ip,port family {family}\nadd xp{0} {4},tcp:80\nadd xp{0} {5},udp:53\nadd xp{0} {6},tcp:443\n",
            if v6 { "6" } else { "4" },
            if v6 { "fd00:9::/64" } else { "10.9.0.0/24" },
            if v6 { "fd00:9::3" } else { "10.9.0.3" },
            if v6 { "fd00:3:0:1::/64" } else { "10.3.1.0/24" },
            if v6 { "fd00:9::1:1" } else { "10.9.1.1" },
            if v6 { "fd00:3::1" } else { "10.3.0.1" },
            if v6 { "fd00:1::1" } else { "10.1.0.1" },
        ));
        world.make_sets("create xm hash:mac\nadd xm 02:00:00:00:01:01\n");
    }

    /// Tries all kinds; those that need connection tracking only if they are wanted.
    pub fn probe(world: &World, tracked: bool) -> Self {
        Self::make_sets(world);
        let v6 = world.family == Family::Ip6;
        let tables: Vec<&'static str> = ["raw", "mangle", "filter", "security", "nat"]
            .into_iter()
            .filter(|t| tracked || *t != "nat")
            .filter(|t| world.try_install(&format!("*{t}\nCOMMIT\n")))
            .collect();
        let (own_matches, own_targets) = if v6 { (MATCHES6, TARGETS6) } else { (MATCHES4, TARGETS4) };
        let line = |k: &Kind| {
            let mut random = Random::new(7);
            let table = k.tables.first().copied().unwrap_or("mangle");
            let hook = if k.hooks & OUTPUT != 0 { OUTPUT } else { 1 << k.hooks.trailing_zeros() };
            // Is the hook the table's?
            let table = if !hooks_of(table).iter().any(|h| h.1 == hook) { "mangle" } else { table };
            (table, format!("-A {} {} {}", hook_name(hook), protocol(k.proto), (k.make)(&mut random, v6)))
        };
        let install = |kinds: &[Kind]| {
            let mut text = String::new();
            for table in ["raw", "mangle", "filter", "security", "nat"] {
                let mut rules = kinds.iter().map(line).filter(|l| l.0 == table).peekable();
                if rules.peek().is_some() {
                    let rules: Vec<String> = rules.map(|l| l.1).collect();
                    let _ = writeln!(text, "*{table}\n{}\nCOMMIT", rules.join("\n"));
                }
            }
            world.try_install(&text)
        };
        /// Those that work: all of them, or those of each half.
        fn working(kinds: &[Kind], install: &dyn Fn(&[Kind]) -> bool) -> Vec<Kind> {
            match kinds {
                _ if install(kinds) => kinds.to_vec(),
                [] | [_] => Vec::new(),
                _ => {
                    let (a, b) = kinds.split_at(kinds.len() / 2);
                    [working(a, install), working(b, install)].concat()
                }
            }
        }
        let (more_matches, more_targets): (&[Kind], &[Kind]) =
            if tracked { (TRACKED, TRACKED_TARGETS) } else { (&[], &[]) };
        let all_matches = MATCHES.iter().chain(own_matches).chain(more_matches);
        let all_targets = TARGETS.iter().chain(own_targets).chain(more_targets);
        let total = all_matches.clone().count() + all_targets.clone().count();
        let matches = working(&all_matches.clone().copied().collect::<Vec<_>>(), &install);
        let targets = working(&all_targets.clone().copied().collect::<Vec<_>>(), &install);
        for k in all_matches.chain(all_targets) {
            if !matches.iter().chain(&targets).any(|m| m.name == k.name) {
                eprintln!("skipped: this kernel or its tool has no {}", k.name);
            }
        }
        Self { v6, tracked, matches, targets, tables, total }
    }

    /// The same without what needs connection tracking.
    #[allow(dead_code, reason = "one of the tests that share this needs it")]
    pub fn untracked(&self) -> Self {
        let plain = |all: &[Kind], tracked: &[Kind]| -> Vec<Kind> {
            all.iter().filter(|k| !tracked.iter().any(|t| t.name == k.name)).copied().collect()
        };
        Self {
            tracked: false,
            matches: plain(&self.matches, TRACKED),
            targets: plain(&self.targets, TRACKED_TARGETS),
            tables: self.tables.iter().copied().filter(|t| *t != "nat").collect(),
            ..*self
        }
    }

    pub fn known(&self) -> usize {
        self.matches.len() + self.targets.len()
    }

    pub fn total(&self) -> usize {
        self.total
    }
}

fn protocol(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("-p {name}") }
}

fn hook_name(hook: Hooks) -> &'static str {
    match hook {
        PREROUTING => "PREROUTING",
        INPUT => "INPUT",
        FORWARD => "FORWARD",
        OUTPUT => "OUTPUT",
        _ => "POSTROUTING",
    }
}

fn hooks_of(table: &str) -> &'static [(&'static str, Hooks)] {
    const ALL: [(&str, Hooks); 5] = [
        ("PREROUTING", PREROUTING),
        ("INPUT", INPUT),
        ("FORWARD", FORWARD),
        ("OUTPUT", OUTPUT),
        ("POSTROUTING", POSTROUTING),
    ];
    match table {
        "raw" => &[("PREROUTING", PREROUTING), ("OUTPUT", OUTPUT)],
        "mangle" => &ALL,
        "nat" => &[("PREROUTING", PREROUTING), ("INPUT", INPUT), ("OUTPUT", OUTPUT), ("POSTROUTING", POSTROUTING)],
        _ => &[("INPUT", INPUT), ("FORWARD", FORWARD), ("OUTPUT", OUTPUT)],
    }
}

/// A chain under construction.
#[derive(Clone)]
struct Chain {
    name: String,
    policy: Option<&'static str>,
    hooks: Hooks,
    rules: Vec<String>,
}

/// Tables of random rules.
#[derive(Clone)]
pub struct Ruleset {
    tables: Vec<(&'static str, Vec<Chain>)>,
}

impl Ruleset {
    pub fn random(r: &mut Random, features: &Features) -> Self {
        let tables = features.tables.iter().map(|&table| (table, chains(r, features, table))).collect();
        Self { tables }
    }

    /// The same with some of its tables only.
    #[allow(dead_code, reason = "one of the tests that share this needs it")]
    pub fn only(mut self, mut wanted: impl FnMut(&str) -> bool) -> Self {
        self.tables.retain(|(name, _)| wanted(name));
        self
    }

    /// Its tables.
    #[allow(dead_code, reason = "one of the tests that share this needs it")]
    pub fn tables(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.tables.iter().map(|(name, _)| *name)
    }

    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.tables.iter().flat_map(|(_, chains)| chains).map(|c| c.rules.len()).sum()
    }

    /// The same without the nth rule.
    pub fn without(&self, n: usize) -> Self {
        let mut new = self.clone();
        let mut at = n;
        for chain in new.tables.iter_mut().flat_map(|(_, chains)| chains) {
            if at < chain.rules.len() {
                chain.rules.remove(at);
                return new;
            }
            at -= chain.rules.len();
        }
        new
    }

    /// What the restore tool takes.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (table, chains) in &self.tables {
            let _ = writeln!(text, "*{table}");
            for c in chains {
                let _ = writeln!(text, ":{} {} [0:0]", c.name, c.policy.unwrap_or("-"));
            }
            for c in chains {
                for rule in &c.rules {
                    let _ = writeln!(text, "-A {} {rule}", c.name);
                }
            }
            text.push_str("COMMIT\n");
        }
        text
    }
}

fn chains(r: &mut Random, features: &Features, table: &'static str) -> Vec<Chain> {
    let mut all: Vec<Chain> = hooks_of(table)
        .iter()
        .map(|&(name, hooks)| {
            let policy =
                if table == "filter" && r.one_in(if features.tracked { 9 } else { 3 }) { "DROP" } else { "ACCEPT" };
            Chain { name: name.to_owned(), policy: Some(policy), hooks, rules: Vec::new() }
        })
        .collect();
    let builtin: Hooks = all.iter().map(|c| c.hooks).sum();
    for i in 0..3 {
        for (side, hooks) in [("in", ARRIVED & builtin), ("out", OURS & builtin)] {
            if hooks != 0 {
                all.push(Chain { name: format!("{side}{i}"), policy: None, hooks, rules: Vec::new() });
            }
        }
    }
    for i in 0..all.len() {
        // Long chains are looked up, short ones tried rule by rule.
        let count = match all[i].policy {
            _ if r.one_in(5) => 20 + r.below(30),
            Some(_) => 3 + r.below(7),
            None => r.below(5),
        };
        // Only to later chains, that are called from the same hooks.
        let callees: Vec<String> = all[i + 1..]
            .iter()
            .filter(|c| c.policy.is_none() && c.hooks & all[i].hooks == all[i].hooks)
            .map(|c| c.name.clone())
            .collect();
        let hooks = all[i].hooks;
        let base = all[i].policy.is_some();
        all[i].rules = (0..count).map(|_| rule(r, features, table, hooks, base, &callees, count >= 20)).collect();
    }
    if features.tracked && table == "filter" {
        // Without a rule that asks for it the kernel does not track.
        all[0].rules.insert(0, "-m conntrack --ctstate NEW".to_owned());
    }
    all
}

fn rule(
    r: &mut Random,
    f: &Features,
    table: &str,
    hooks: Hooks,
    base: bool,
    callees: &[String],
    plain: bool,
) -> String {
    if plain && !r.one_in(4) {
        return plain_rule(r, f);
    }
    let fits = |k: &&Kind| k.hooks & hooks == hooks && (k.tables.is_empty() || k.tables.contains(&table));
    let mut proto = match r.below(3) {
        0 => String::new(),
        _ => {
            (*r.pick(&["tcp", "tcp", "udp", "udp", if f.v6 { "ipv6-icmp" } else { "icmp" }, "sctp", "dccp"])).to_owned()
        }
    };
    let action = match if table == "nat" { 9 - r.below(5) } else { r.below(10) } {
        0 | 1 => "-j ACCEPT".to_owned(),
        // The nat table must not drop.
        2 if table != "nat" => "-j DROP".to_owned(),
        3 => "-j RETURN".to_owned(),
        4 | 5 if !callees.is_empty() => {
            let jump = if r.one_in(3) { "-g" } else { "-j" };
            format!("{jump} {}", r.pick(callees))
        }
        6 => String::new(),
        _ => {
            // In the nat table mostly what it is for.
            let nat = table == "nat" && !r.one_in(5);
            let targets: Vec<&Kind> =
                f.targets.iter().filter(fits).filter(|k| !nat || k.tables.contains(&"nat")).collect();
            if targets.is_empty() {
                String::new()
            } else {
                let t = **r.pick(&targets);
                if !t.proto.is_empty() {
                    proto = t.proto.to_owned();
                }
                (t.make)(r, f.v6)
            }
        }
    };
    // What ends a walk should not be hit by everything.
    let ends = ["ACCEPT", "DROP", "REJECT", "NFQUEUE", "RETURN", "NAT", "MASQ", "REDIR", "NETMAP"]
        .iter()
        .any(|a| action.contains(a));
    let mut matches: Vec<(&str, String)> = Vec::new();
    let wanted = if ends { 1 + r.below(2) } else { r.below(3) };
    for _ in 0..wanted {
        let usable: Vec<&Kind> = f
            .matches
            .iter()
            .filter(fits)
            .filter(|k| k.proto.is_empty() || proto.is_empty() || k.proto == proto)
            .collect();
        let k = **r.pick(&usable);
        // What only the kernel knows makes answers open; a few of them are enough.
        if STATEFUL.contains(&k.name) && !r.one_in(8) {
            continue;
        }
        if matches.iter().any(|(name, _)| same_extension(name, k.name)) {
            continue;
        }
        if !k.proto.is_empty() {
            proto = k.proto.to_owned();
        }
        matches.push((k.name, (k.make)(r, f.v6)));
    }
    let mut text = String::new();
    let prefixes: &[u8] = if f.v6 { &[128, 64, 48, 16, 126] } else { &[32, 24, 16, 8, 30] };
    for flag in ["-s", "-d"] {
        if r.one_in(if ends { 2 } else { 4 }) {
            let inverted = not(r);
            let address = match (r.below(4), flag) {
                (0, _) => address(r, f.v6),
                (_, "-s") => source(r, f.v6),
                (1, _) => r.pick(&locals(if f.v6 { Family::Ip6 } else { Family::Ip })).to_string(),
                _ => forward(r, f.v6),
            };
            let _ = write!(text, "{inverted}{flag} {address}/{} ", r.pick(prefixes));
        }
    }
    if r.one_in(5) && hooks & !ARRIVED == 0 {
        let _ = write!(text, "{}-i {} ", not(r), r.pick(&[IN0, IN1, &format!("{}+", &IN0[..1]), "eth0"]));
    }
    if r.one_in(5) && (hooks & !(FORWARD | OURS) == 0 || !base) {
        let _ = write!(text, "{}-o {} ", not(r), r.pick(&[OUT, &format!("{}+", &OUT[..1]), "eth+"]));
    }
    let has_match = !matches.is_empty() || action.contains("-m ");
    if !proto.is_empty() {
        let inverted = if has_match || action.contains("tcp-reset") || action.contains("TCP") || action.contains("ECN")
        {
            ""
        } else {
            not(r)
        };
        let _ = write!(text, "{inverted}-p {proto} ");
    } else if !f.v6 && r.one_in(12) {
        let _ = write!(text, "{}-f ", not(r));
    }
    for (_, m) in &matches {
        let _ = write!(text, "{m} ");
    }
    text + &action
}

/// A rule of a long list: addresses and ports, and mostly no verdict.
fn plain_rule(r: &mut Random, f: &Features) -> String {
    let mut text = String::new();
    if r.one_in(2) {
        let _ = write!(
            text,
            "{}-s {}/{} ",
            not(r),
            source(r, f.v6),
            if f.v6 { *r.pick(&[128, 112]) } else { *r.pick(&[32, 30]) }
        );
    }
    if r.one_in(2) {
        let _ =
            write!(text, "-d {}/{} ", forward(r, f.v6), if f.v6 { *r.pick(&[128, 64]) } else { *r.pick(&[32, 24]) });
    }
    match r.below(5) {
        0 => {}
        1 => text.push_str("-p sctp "),
        n => {
            let proto = if n == 2 { "tcp" } else { "udp" };
            let side = r.pick(&["--sport", "--dport"]);
            let _ = match r.below(4) {
                0 => write!(text, "-p {proto} "),
                1 => write!(text, "-p {proto} -m multiport {}s {},{} ", side, port(r), port(r)),
                _ => write!(text, "-p {proto} -m {proto} {side} {} ", port(r)),
            };
        }
    }
    text + if r.one_in(12) { "-j RETURN" } else { "" }
}

/// Matches that depend on what the kernel counts.
const STATEFUL: [&str; 6] = ["limit", "statistic nth", "quota", "recent", "hashlimit", "cpu"];

/// An extension can be named once only in a rule.
fn same_extension(a: &str, b: &str) -> bool {
    a.split(' ').next() == b.split(' ').next()
}
