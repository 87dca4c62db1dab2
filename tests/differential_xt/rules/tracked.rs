//! Matches and targets that need connections tracked.

use super::*;

/// Matches and targets that need connection tracking.
pub(super) const TRACKED: &[Kind] = &[
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

pub(super) const TRACKED_TARGETS: &[Kind] = &[
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
