//! Matches of IPv6.

use super::*;

/// Matches of IPv6 alone.
pub(super) const MATCHES6: &[Kind] = &[
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
