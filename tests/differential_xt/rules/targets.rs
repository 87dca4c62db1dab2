//! Targets.

use super::*;

/// Targets of both families. Chains, verdicts and rules without a target come by themselves.
pub(super) const TARGETS: &[Kind] = &[
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

pub(super) const TARGETS4: &[Kind] = &[
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

pub(super) const TARGETS6: &[Kind] = &[
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
