//! Matches of both families, and of IPv4.

use super::*;

/// Matches of both families.
pub(super) const MATCHES: &[Kind] = &[
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

pub(super) fn multiport(r: &mut Random, _: bool) -> String {
    let side = *r.pick(&["--sports", "--dports", "--ports"]);
    let list: Vec<String> = (0..1 + r.below(4)).map(|_| ports(r)).collect();
    format!("-m multiport {}{side} {}", not(r), list.join(","))
}

pub(super) fn l2tp(r: &mut Random, _: bool) -> String {
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
pub(super) const MATCHES4: &[Kind] = &[
    kind("icmp", "icmp", ANY, &[], |r, _| {
        format!("-m icmp {}--icmp-type {}", not(r), r.pick(&["8", "0", "3", "3/3", "11", "any", "13", "255/0"]))
    }),
    kind("ah", "ah", ANY, &[], |r, _| format!("-m ah {}--ahspi {}", not(r), spis(r))),
    kind("ttl", "", ANY, &[], |r, _| {
        format!("-m ttl {} {}", r.pick(&["--ttl-eq", "--ttl-lt", "--ttl-gt"]), r.pick(&[1, 10, 63, 64, 127]))
    }),
    kind("realm", "", INPUT | FORWARD | OURS, &[], |r, _| format!("-m realm {}--realm {}", not(r), r.below(2))),
];
