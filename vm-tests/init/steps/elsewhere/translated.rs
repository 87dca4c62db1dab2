//! Packets whose addresses were changed before they were dropped: the kernel reports them as they are then.

use super::cases::{Case, PLAIN};
use super::{BEHIND, MONITOR};

/// What a port forward makes of the port.
const MADE: u16 = 5353;
const FORWARDED: Case = Case { to: BEHIND, ..PLAIN };

/// All of them.
pub const CASES: &[Case] = &[
    Case {
        name: "translated: the rule that drops what a port forward made",
        rules: "table ip t {
 chain pre {
  type nat hook prerouting priority -100
  meta l4proto udp dnat to 10.9.3.2:5353
 }
 chain forward {
  type filter hook forward priority 0
  ip daddr 10.9.3.2 udp dport 5353 drop
 }
}
",
        seen: MADE,
        right: &[
            MONITOR,
            ("/culprit/chain_name", "\"forward\""),
            ("/culprit/rule_position", "1"),
            ("/packet/destination.address", "\"10.9.3.2\""),
        ],
        ..PLAIN
    },
    Case {
        name: "translated: the policy after a redirection, iptables-nft",
        before: &[
            &[
                "/usr/sbin/iptables-nft",
                "-t",
                "nat",
                "-A",
                "PREROUTING",
                "-p",
                "udp",
                "-j",
                "REDIRECT",
                "--to-ports",
                "5353",
            ],
            &["/usr/sbin/iptables-nft", "-P", "INPUT", "DROP"],
        ],
        seen: MADE,
        right: &[MONITOR, ("/culprit/kind", "\"policy\""), ("/culprit/chain_name", "\"INPUT\"")],
        ..PLAIN
    },
    Case {
        name: "translated: the legacy rule that drops what a legacy port forward made",
        before: &[
            &[
                "/usr/sbin/iptables-legacy",
                "-t",
                "nat",
                "-A",
                "PREROUTING",
                "-p",
                "udp",
                "-j",
                "DNAT",
                "--to-destination",
                "10.9.3.2:5353",
            ],
            &["/usr/sbin/iptables-legacy", "-A", "FORWARD", "-p", "udp", "--dport", "5353", "-j", "DROP"],
        ],
        seen: MADE,
        right: &[MONITOR, ("/culprit/backend", "\"xtables\""), ("/culprit/chain_name", "\"FORWARD\"")],
        after: &[&["/usr/sbin/iptables-legacy", "-F"], &["/usr/sbin/iptables-legacy", "-t", "nat", "-F"]],
        ..PLAIN
    },
    Case {
        name: "translated: the rule that drops what was masqueraded",
        rules: "table ip t {
 chain post {
  type nat hook postrouting priority 100
  oifname d1 masquerade
 }
 chain last {
  type filter hook postrouting priority 200
  ip saddr 10.9.3.1 udp dport 2000-2999 drop
 }
}
",
        right: &[
            MONITOR,
            ("/culprit/chain_name", "\"last\""),
            ("/culprit/rule_position", "1"),
            ("/packet/source.address", "\"10.9.3.1\""),
        ],
        ..FORWARDED
    },
    Case {
        name: "translated: no listener after a redirection",
        rules: "table ip t {
 chain pre {
  type nat hook prerouting priority -100
  meta l4proto udp redirect to :5353
 }
}
",
        seen: MADE,
        right: &[MONITOR, ("/culprit/kind", "\"socket\""), ("/culprit/detail", "\"no listener\"")],
        ..PLAIN
    },
    Case {
        name: "translated: IPv6, the rule that drops what a port forward made",
        rules: "table ip6 t {
 chain pre {
  type nat hook prerouting priority -100
  meta l4proto udp dnat to [2001:db8:3::2]:5353
 }
 chain forward {
  type filter hook forward priority 0
  udp dport 5353 drop
 }
}
",
        to: "2001:db8:2::1",
        seen: MADE,
        right: &[MONITOR, ("/culprit/chain_name", "\"forward\""), ("/culprit/rule_position", "1")],
        ..PLAIN
    },
];
