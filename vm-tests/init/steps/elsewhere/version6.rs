//! The same over IPv6.

use super::cases::{Case, PLAIN};
use super::{IP, MONITOR};

const HOST: &str = "2001:db8:2::1";
const BEHIND: &str = "2001:db8:3::2";
const NOBODY: &str = "2001:db8:3::77";
const HERE: Case = Case { to: HOST, ..PLAIN };
const FORWARDED: Case = Case { to: BEHIND, ..PLAIN };
const FORWARDING: &str = "net.ipv6.conf.all.forwarding";

/// All of them.
pub const CASES: &[Case] = &[
    Case {
        name: "IPv6: a rule of nf_tables",
        rules: "table inet t {\n chain input {\n  type filter hook input priority 0\n  ip6 saddr 2001:db8:2::/64 meta l4proto udp drop\n }\n}\n",
        right: &[
            MONITOR,
            ("/culprit/kind", "\"rule\""),
            ("/culprit/backend", "\"nft\""),
            ("/culprit/rule_position", "1"),
            ("/confidence", "\"certain\""),
        ],
        ..HERE
    },
    Case {
        name: "IPv6: a rule of ip6tables-nft in the forward hook",
        before: &[&["/usr/sbin/ip6tables-nft", "-A", "FORWARD", "-p", "udp", "-d", BEHIND, "-j", "DROP"]],
        right: &[
            MONITOR,
            ("/culprit/family", "\"ip6\""),
            ("/culprit/backend", "\"nft-compat\""),
            ("/culprit/chain_name", "\"FORWARD\""),
            ("/confidence", "\"certain\""),
        ],
        ..FORWARDED
    },
    Case {
        name: "IPv6: a legacy rule",
        before: &[&["/usr/sbin/ip6tables-legacy", "-A", "INPUT", "-p", "udp", "-j", "DROP"]],
        right: &[
            MONITOR,
            ("/culprit/family", "\"ip6\""),
            ("/culprit/backend", "\"xtables\""),
            ("/culprit/chain_name", "\"INPUT\""),
            ("/confidence", "\"certain\""),
        ],
        after: &[&["/usr/sbin/ip6tables-legacy", "-F"]],
        ..HERE
    },
    Case {
        name: "IPv6: the policy of the forward hook",
        rules: "table ip6 t {\n chain forward {\n  type filter hook forward priority 0; policy drop;\n }\n}\n",
        right: &[MONITOR, ("/culprit/kind", "\"policy\""), ("/culprit/chain_name", "\"forward\"")],
        ..FORWARDED
    },
    Case {
        name: "IPv6: a rule behind the routing decision, on the way out",
        rules: "table ip6 t {\n chain post {\n  type filter hook postrouting priority 0\n  meta l4proto udp drop\n }\n}\n",
        right: &[MONITOR, ("/culprit/chain_name", "\"post\""), ("/culprit/rule_position", "1")],
        ..FORWARDED
    },
    Case {
        name: "IPv6: a blackhole route",
        before: &[&[IP, "-6", "route", "add", "blackhole", "2001:db8:51::1"]],
        to: "2001:db8:51::1",
        right: &[MONITOR, ("/culprit/kind", "\"route\""), ("/culprit/detail", "\"blackhole\"")],
        after: &[&[IP, "-6", "route", "del", "blackhole", "2001:db8:51::1"]],
        ..PLAIN
    },
    Case {
        name: "IPv6: an unreachable route",
        before: &[&[IP, "-6", "route", "add", "unreachable", "2001:db8:52::1"]],
        to: "2001:db8:52::1",
        right: &[MONITOR, ("/culprit/kind", "\"route\""), ("/culprit/detail", "\"unreachable\"")],
        after: &[&[IP, "-6", "route", "del", "unreachable", "2001:db8:52::1"]],
        ..PLAIN
    },
    Case {
        name: "IPv6: no route",
        to: "2001:db8:ffff::1",
        right: &[MONITOR, ("/culprit/kind", "\"route\""), ("/culprit/detail", "\"no route\"")],
        ..PLAIN
    },
    Case {
        name: "IPv6: forwarding is off",
        before: &[&["/usr/sbin/sysctl", "-qw", "net.ipv6.conf.all.forwarding=0"]],
        right: &[MONITOR, ("/culprit/kind", "\"sysctl\"")],
        tells: FORWARDING,
        after: &[&["/usr/sbin/sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"]],
        ..FORWARDED
    },
    Case {
        name: "IPv6: a hop limit that ends here",
        ttl: 1,
        right: &[MONITOR, ("/culprit/kind", "\"route\""), ("/culprit/detail", "\"TTL expired\"")],
        ..FORWARDED
    },
    Case {
        name: "IPv6: a next hop that does not answer",
        to: NOBODY,
        right: &[MONITOR, ("/culprit/kind", "\"neighbour\"")],
        ..PLAIN
    },
    Case {
        name: "IPv6: no listener",
        right: &[MONITOR, ("/culprit/kind", "\"socket\""), ("/culprit/detail", "\"no listener\"")],
        ..HERE
    },
    Case {
        name: "IPv6: a packet that is too big for its way",
        before: &[&[IP, "link", "set", "d1", "mtu", "1300"]],
        size: 1400,
        right: &[MONITOR, ("/culprit/kind", "\"mtu\"")],
        after: &[&[IP, "link", "set", "d1", "mtu", "1500"]],
        ..FORWARDED
    },
];
